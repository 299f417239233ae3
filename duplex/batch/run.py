"""A recorded call goes in, a full-duplex conversation comes out: `duplex run`, as a function."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np

from duplex.audio_files.reader import Recording, open_recording
from duplex.batch.checks import check_conversation
from duplex.batch.file_graph import note_gain
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.session import Session, Sink
from duplex.engines import Engines
from duplex.events import Event
from duplex.session_record.recorder import EVENTS, Recorder
from duplex.session_record.session_log import SessionLog, read_log
from duplex.session_record.summary import summarize_log
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.blocks import Reblocker
from duplex.streaming.clock import Clock, SystemClock, VirtualClock

T = TypeVar("T")
Pace = Literal["fast", "real"]

TAIL = 30.0
"""Seconds after the recording in which the conversation may come to its end."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a run: the files, what happened, and what was odd about the recording."""

    folder: Path
    files: tuple[Path, ...]
    log: SessionLog
    summary: dict[str, Any]
    notes: tuple[str, ...]


def run(
    recording: str | os.PathLike[str],
    out: str | os.PathLike[str],
    settings: Settings | None = None,
    *,
    pace: Pace = "fast",
    channels: str | int = "auto",
    engines: Engines | None = None,
    on_event: Callable[[Event], None] | None = None,
    on_progress: Callable[[float, float | None], None] | None = None,
    tail: float = TAIL,
) -> Outcome:
    """Hold a conversation with a recording and write it into the folder `out` as it happens.

    pace: "real" plays the recording at its own speed; "fast" runs on a virtual clock, as fast as the machine can, and
    gives the identical event log every time (unless a model server is asked: that takes the time it takes).
    channels: "auto" makes each side of a stereo recording a party where it carries speech of its own, else mixes them;
    "mix", "split" or a channel's number says it. engines: instead of those the settings name; they are left open.
    on_progress: called with the seconds perceived and the recording's duration, if known. tail: seconds that the
    conversation may go on after the recording.
    Raises DuplexError; what was recorded until then is in the folder.
    """
    source = open_recording(recording, channels)
    parties = source.party_names
    settings = settings or Settings()
    own = None if engines else Engines.from_settings(settings)  # before anything is written
    if own is not None:
        _checked(settings, own)
    recorder = Recorder(out, parties)
    watcher = _Watcher(on_event, on_progress, source.duration)
    clock: Clock = VirtualClock() if pace == "fast" else SystemClock()
    try:
        _drive(clock, _converse(source, settings, parties, engines or own, own, clock, [recorder, watcher], tail))
    finally:
        files = recorder.close()
    log = read_log(recorder.folder / EVENTS)
    return Outcome(recorder.folder, tuple(files), log, summarize_log(log), tuple(source.notes))


def _checked(settings: Settings, own: Engines) -> None:
    try:
        check_conversation(settings, own)
    except BaseException:
        asyncio.run(own.close())
        raise


async def _converse(
    source: Recording,
    settings: Settings,
    parties: Sequence[str],
    engines: Engines | None,
    own: Engines | None,
    clock: Clock,
    sinks: Sequence[Sink],
    tail: float,
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        if own is not None:
            stack.push_async_callback(own.close)
        session = await stack.enter_async_context(
            Session(settings, parties=parties, engines=engines, clock=clock, sinks=sinks, wall_time=source.created)
        )
        began = clock.now()
        fed = 0
        for piece in _pieces(source):
            fed += len(piece)
            await clock.sleep_until(began + fed / SAMPLE_RATE)
            session.feed(piece)
        await session.finish(tail)
        note_gain(source, session.input_gain)


def _pieces(source: Recording) -> Iterator[np.ndarray]:
    """(FRAME, parties) each, so that a frame is heard when it ends and not when a decoder's block does."""
    frames = Reblocker(FRAME, source.parties)
    for block in source.frames(SAMPLE_RATE):
        yield from frames.push(block)
    yield from frames.flush(pad=False)


def _drive(clock: Clock, main: Coroutine[Any, Any, T]) -> T:
    return clock.run(main) if isinstance(clock, VirtualClock) else asyncio.run(main)


class _Watcher:
    """A sink that only watches."""

    def __init__(
        self,
        on_event: Callable[[Event], None] | None,
        on_progress: Callable[[float, float | None], None] | None,
        duration: float | None,
    ) -> None:
        self._on_event = on_event
        self._on_progress = on_progress
        self._duration = duration

    def on_input(self, frame: MultichannelFrame) -> None:
        if self._on_progress is not None and frame.start % SAMPLE_RATE < FRAME:
            self._on_progress(frame.end / SAMPLE_RATE, self._duration)

    def on_output(self, chunk: AudioChunk) -> None:
        pass

    def on_event(self, event: Event) -> None:
        if self._on_event is not None:
            self._on_event(event)
