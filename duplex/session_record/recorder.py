"""A session on disk, as it happens: the event log, each party's sound, the assistant's, and all of it mixed.

Readable at every moment, also after the process was killed: events are written within milliseconds and the WAV files
are never more than about a second behind. The transcripts, the summary and the picture are made from the log when the
session ends; `duplex recover` makes them for one that was cut off.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from duplex.session_record.exports import EVENTS, EXPORTS, translated_exports, write_exports
from duplex.session_record.mixer import LONGEST_WAIT
from duplex.session_record.record_files import ASSISTANT, INPUT, MIX, RESTORED, RecordFiles, recorded
from duplex.session_record.write_behind import BACKLOG, WriteBehind
from duplex.streaming.errors import OutputError

__all__ = ["ASSISTANT", "EVENTS", "INPUT", "LONGEST_WAIT", "MIX", "RESTORED", "Recorder", "write_exports"]


class Sound(Protocol):
    """Samples with their place on the session's clock: `AudioChunk` (n,), `MultichannelFrame` (n, parties)."""

    @property
    def start(self) -> int: ...

    @property
    def samples(self) -> np.ndarray: ...


class Interpreted(Protocol):
    """Voices with their place on the session's clock: `InterpretedSound`, (n,) by language."""

    @property
    def start(self) -> int: ...

    @property
    def voices(self) -> Mapping[str, np.ndarray]: ...


class Loggable(Protocol):
    def as_dict(self) -> dict[str, Any]: ...


class Recorder:
    """Writes `events.jsonl`, `input.wav` (a channel per party), `assistant.wav` and `mix.wav` into a folder, which it
    makes if need be, and `interpreter.de.wav` and the like for what is spoken to single listeners in their language;
    files of these names from an earlier session are replaced. A session's sink.

    The `on_…` methods never wait for the disk: a thread writes. backlog: seconds of sound that may wait for it; then
    the oldest is dropped, counted (`dropped`) and noted in the log (`WriteBehind`).

    Raises OutputError, in one line, if the files cannot be opened. If something cannot be written later (a full disk),
    the recording ends, and the next `on_…` method raises OutputError once, by which a session loses its recording and
    nothing else. What was written stays readable.
    """

    capability = "recording"

    def __init__(
        self, folder: str | os.PathLike[str], parties: Sequence[str] = ("user",), *, backlog: float = BACKLOG
    ) -> None:
        self.folder = Path(folder)
        self._writing = WriteBehind(RecordFiles(self.folder, len(parties)), backlog=backlog)
        self._closing = threading.Lock()
        self._closed = False
        atexit.register(self._writing.close)  # what was given last is not lost if nobody closes the recorder

    @property
    def dropped(self) -> int:
        """Blocks of sound that a slow disk has cost so far."""
        return self._writing.dropped

    def on_input(self, frame: Sound) -> None:
        """frame.samples: (n, parties) or, of a single party, (n,) float32 at 16 kHz."""
        self._writing.put_sound(INPUT, frame.start, frame.samples)

    def on_restored(self, frame: Sound) -> None:
        """The restored input, if restoration is on: `restored.wav`."""
        self._writing.put_sound(RESTORED, frame.start, frame.samples)

    def on_output(self, chunk: Sound) -> None:
        """chunk.samples: (n,) float32 at 16 kHz, what the assistant says (or its silence) at chunk.start."""
        self._writing.put_sound(ASSISTANT, chunk.start, chunk.samples)

    def on_interpreted(self, sound: Interpreted) -> None:
        """What the interpreter says to single listeners: `interpreter.de.wav` and the like, and in the mix."""
        for language, samples in sound.voices.items():
            self._writing.put_sound(f"interpreter.{language}.wav", sound.start, samples)

    def on_event(self, event: Loggable) -> None:
        self._writing.put_event(event.as_dict())

    def drain(self, limit: float = 10.0) -> bool:
        """Waits until everything given so far is on disk, at most `limit` seconds. Returns whether it is."""
        return self._writing.drain(limit)

    def close(self, *, timeline: bool = True, exports: bool = True) -> list[Path]:
        """Ends the recording, makes the exports, and returns every file that is there. Blocks for seconds: in async
        code use `aclose`.

        timeline: draw the picture too, which takes a second or more. exports: False leaves the transcripts, the summary
        and the picture out. Raises OutputError if something cannot be written.
        """
        with self._closing:
            if not self._closed:
                self._closed = True
                atexit.unregister(self._writing.close)
                try:
                    self._writing.close()
                finally:
                    if exports:
                        write_exports(self.folder, timeline=timeline)
        names = (*recorded(self.folder), *EXPORTS, *translated_exports(self.folder))
        return [self.folder / name for name in names if (self.folder / name).exists()]

    async def aclose(self, *, timeline: bool = True, exports: bool = True, limit: float = 60.0) -> list[Path]:
        """`close`, away from the event loop. limit: seconds, after which OutputError is raised; the closing goes on by
        itself, and `duplex recover` does what is still missing if the process ends before it."""
        loop = asyncio.get_running_loop()
        closed: asyncio.Future[list[Path]] = loop.create_future()
        outcome: list[Any] = []

        def work() -> None:
            try:
                outcome.append(self.close(timeline=timeline, exports=exports))
            except BaseException as error:
                outcome.append(error)

        def watch() -> None:
            # Real time, also where the loop's own time is virtual.
            worker = threading.Thread(target=work, name="duplex-recorder-close", daemon=True)
            worker.start()
            worker.join(limit)
            message = f"{self.folder}: not finished within {limit:g} s; `duplex recover {self.folder}` completes it"
            result = outcome[0] if outcome else OutputError(message)
            try:
                loop.call_soon_threadsafe(_settle, closed, result)
            except RuntimeError:  # the loop has been closed meanwhile
                return

        threading.Thread(target=watch, name="duplex-recorder-watch", daemon=True).start()
        return await closed

    def discard(self) -> None:
        """Ends the recording at once, without exports and without what still waits for the disk: for a recording that
        is to be deleted. May wait for one write: call it away from the event loop."""
        with self._closing:
            self._closed = True
            atexit.unregister(self._writing.close)
            self._writing.close(discard=True)


def _settle(closed: asyncio.Future[list[Path]], result: Any) -> None:
    if closed.done():  # cancelled
        return
    if isinstance(result, BaseException):
        closed.set_exception(result)
    else:
        closed.set_result(result)
