"""Recording with consent: sound is written only while everybody who is in the room has agreed to it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

from duplex.serving.disk import DiskThreads
from duplex.serving.hosts.retention import delete
from duplex.session_record import recorder as recording
from duplex.session_record.recorder import Recorder
from duplex.streaming.errors import DuplexError, OutputError

log = logging.getLogger(__name__)

SPOKEN = {
    "en": ("This call is being recorded.", "The recording has stopped."),
    "de": ("Dieses Gespräch wird aufgezeichnet.", "Die Aufzeichnung ist beendet."),
    "es": ("Esta llamada se está grabando.", "La grabación ha terminado."),
    "fr": ("Cet appel est enregistré.", "L'enregistrement est terminé."),
}
"""What the assistant says when recording begins and ends; in other languages only the page tells."""


def announcement(language: str, running: bool) -> str:
    """What is said in this language when recording begins (True) or ends; empty if nothing is."""
    return SPOKEN.get(language[:2], ("", ""))[not running]


class ConsentedRecording:
    """One room's recording: a sink. The file runs on the session's clock, with silence where recording was not allowed.

    new_folder: makes the folder when recording begins for the first time; None if this server keeps no recordings.
    changed: called when recording begins (True) or stops (False), and why. disk: where files are opened, closed and
    deleted.
    """

    def __init__(
        self,
        new_folder: Callable[[], Path] | None,
        parties: int,
        changed: Callable[[bool, str], None],
        disk: DiskThreads,
    ) -> None:
        self._new_folder = new_folder
        self._parties = parties
        self._changed = changed
        self._disk = disk
        self._agreed: dict[str, bool] = {}
        self._recorder: Recorder | None = None
        self._running = False
        self._folder: Path | None = None
        self._files = asyncio.Lock()
        """Held while files are opened, closed or deleted."""
        self._closed = False

    @property
    def offered(self) -> bool:
        return self._new_folder is not None

    @property
    def running(self) -> bool:
        return self._running

    @property
    def sound(self) -> Path | None:
        """The file, if recording has ever begun and nothing was deleted since."""
        return self._folder / recording.MIX if self._folder else None

    def agreed(self, name: str) -> bool:
        return self._agreed.get(name, False)

    def join(self, name: str) -> None:
        """Somebody comes, who has not been asked yet."""
        self._agreed[name] = False
        self._stop(f"{name} has not agreed")

    def leave(self, name: str) -> None:
        self._agreed.pop(name, None)
        if not self._agreed:
            self._stop("nobody is left")

    async def agree(self, name: str, yes: bool) -> None:
        """Raises OutputError if the recording cannot be written."""
        if not self.offered:
            raise OutputError("recording: this server keeps none")
        self._agreed[name] = yes
        if not yes:
            self._stop(f"{name} has withdrawn consent")
        elif self._everybody_agrees():
            # A file that is opened is owned by this object, whatever becomes of the caller.
            await asyncio.shield(self._start(f"{name} agrees"))

    def on_input(self, frame: Any) -> None:
        self._write("on_input", frame)

    def on_restored(self, frame: Any) -> None:
        self._write("on_restored", frame)

    def on_interpreted(self, sound: Any) -> None:
        self._write("on_interpreted", sound)

    def on_output(self, chunk: Any) -> None:
        self._write("on_output", chunk)

    def on_event(self, event: Any) -> None:
        self._write("on_event", event)

    async def close(self) -> None:
        """End the recording and write its transcripts; the loop is not held up. Raises OutputError."""
        self._running, self._closed = False, True
        async with self._files:
            recorder, self._recorder = self._recorder, None
            if recorder is not None:
                await _close(recorder, self._disk)

    async def delete(self) -> None:
        """Stop, withdraw everybody's consent, and remove the folder. Nothing more is written to it."""
        self._agreed = dict.fromkeys(self._agreed, False)
        self._stop("it was deleted")
        await asyncio.shield(self._delete())

    async def _delete(self) -> None:
        async with self._files:
            recorder, self._recorder = self._recorder, None
            folder, self._folder = self._folder, None
            if folder is None:
                return
            if recorder is not None:
                await self._disk.run(recorder.discard)
            await self._disk.run(delete, folder)

    def _everybody_agrees(self) -> bool:
        return bool(self._agreed) and all(self._agreed.values())

    async def _start(self, why: str) -> None:
        async with self._files:
            if self._recorder is None and self._new_folder is not None and not self._closed:
                parties = tuple(str(number) for number in range(self._parties))
                self._folder, self._recorder = await self._disk.run(_open, self._new_folder, parties)
            # Meanwhile somebody may have come, left or changed their mind.
            if self._recorder is not None and self._everybody_agrees() and not self._running and not self._closed:
                self._running = True
                self._changed(True, why)

    def _stop(self, why: str) -> None:
        if self._running:
            self._running = False
            self._changed(False, why)

    def _write(self, method: str, what: Any) -> None:
        if not self._running or self._recorder is None:
            return
        try:
            getattr(self._recorder, method)(what)
        except DuplexError as error:
            self._stop(str(error))
        except Exception as error:
            log.error("recording: writing failed", exc_info=error)
            self._stop(f"it failed ({type(error).__name__})")


def _open(new_folder: Callable[[], Path], parties: tuple[str, ...]) -> tuple[Path, Recorder]:
    folder = new_folder()
    return folder, Recorder(folder, parties)


async def _close(recorder: Recorder, disk: DiskThreads) -> None:
    """Close the files and write the transcripts; the picture is left out."""
    if disk.inline:
        await disk.run(recorder.close, timeline=False)
    else:
        await recorder.aclose(timeline=False)
