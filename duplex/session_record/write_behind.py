"""A writer thread behind a bounded queue: what is given to it never waits for the disk."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duplex.session_record.record_files import RecordFiles
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import DuplexError, OutputError

BACKLOG = 30.0
"""Seconds of every track that may wait for the disk."""

GATHER = 0.2
"""Seconds for which sound is gathered before it is written. Events are written at once."""

MOST_EVENTS = 50_000
"""Events that may wait for the disk: a session has some ten a second."""

AHEAD = 1.0
"""Seconds by which sound must be ahead of real time for its giver to be made to wait..."""

AHEAD_BACKLOG = 0.25
"""...and seconds of every track that may then wait for the disk: of a process that is killed no more is lost."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Queue:
    """What waits. drop policy: drop_oldest."""

    events: deque[dict[str, Any]] = field(default_factory=deque)
    sound: deque[tuple[str, int, np.ndarray]] = field(default_factory=deque)
    samples: int = 0
    gaps: dict[str, list[int]] = field(default_factory=dict)
    """Of each track what was dropped and is not in the log yet: first sample, the one after the last."""
    marks: list[threading.Event] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.events or self.sound or self.gaps or self.marks)


class WriteBehind:
    """Writes into `files` on a thread of its own, and closes them.

    A full queue drops its oldest sound: the file has silence in its place, the log an event `recording_gap`. Sound that
    runs ahead of real time (a recording that is processed as fast as the machine can) is not heard live by anybody, so
    there whoever gives it waits for room and nothing is dropped. The first error ends the writing; it is raised once by
    the next `put_…`, and what is given after that is ignored.
    """

    def __init__(self, files: RecordFiles, tracks: int = 2, backlog: float = BACKLOG) -> None:
        self.dropped = 0
        """Blocks of sound and events that were dropped."""
        self._files = files
        self._most = round(backlog * SAMPLE_RATE) * tracks
        self._lead = min(AHEAD, backlog / 2)
        self._most_ahead = min(self._most, round(AHEAD_BACKLOG * SAMPLE_RATE) * tracks)
        self._gather = round(GATHER * SAMPLE_RATE) * tracks
        self._queue = _Queue()
        self._lock = threading.Lock()
        self._wake = threading.Condition(self._lock)
        self._room = threading.Condition(self._lock)
        self._began: tuple[int, float] | None = None
        self._closing = False
        self._discarding = False
        self._error: DuplexError | None = None
        self._told = False
        self._thread = threading.Thread(target=self._run, name="duplex-recorder", daemon=True)
        self._thread.start()

    def put_sound(self, track: str, start: int, samples: np.ndarray) -> None:
        """samples: (n,) or (n, channels), copied. Raises OutputError once if something could not be written."""
        with self._lock:
            if not self._open():
                return
            queue = self._queue
            if self._began is None:
                self._began = (start, time.monotonic())
            while queue.sound and queue.samples + len(samples) > self._most_ahead and self._open():
                if self._ahead(start):
                    self._room.wait()
                elif queue.samples + len(samples) > self._most:
                    self._drop()
                else:
                    break
                queue = self._queue
            first = not queue.sound
            queue.sound.append((track, start, np.array(samples, np.float32)))
            queue.samples += len(samples)
            if first or queue.samples >= self._gather:
                self._wake.notify()

    def put_event(self, event: Mapping[str, Any]) -> None:
        """Raises OutputError once if something could not be written."""
        with self._lock:
            if not self._open():
                return
            if len(self._queue.events) >= MOST_EVENTS:
                self._queue.events.popleft()
                self.dropped += 1
            self._queue.events.append(dict(event))
            self._wake.notify()

    def drain(self, limit: float = 10.0) -> bool:
        """Waits until everything given so far is on disk, at most `limit` seconds. Returns whether it is."""
        mark = threading.Event()
        with self._lock:
            if not self._thread.is_alive():
                return True
            self._queue.marks.append(mark)
            self._wake.notify()
        return mark.wait(limit)

    def close(self, *, discard: bool = False) -> None:
        """Waits until everything is on disk and the files are closed. discard: without writing what still waits.
        Raises OutputError if something could not be written and that has not been raised before."""
        with self._lock:
            self._closing = True
            self._discarding = self._discarding or discard
            self._wake.notify()
            self._room.notify_all()
        self._thread.join()
        if self._error is not None and not self._told and not discard:
            self._told = True
            raise self._error

    def _open(self) -> bool:
        if self._error is not None and not self._told:
            self._told = True
            raise self._error
        return self._error is None and not self._closing

    def _ahead(self, start: int) -> bool:
        origin, began = self._began or (0, 0.0)
        return (start - origin) / SAMPLE_RATE > time.monotonic() - began + self._lead

    def _drop(self) -> None:
        track, start, samples = self._queue.sound.popleft()
        self._queue.samples -= len(samples)
        self.dropped += 1
        gap = self._queue.gaps.get(track)
        if gap is None:
            log.warning("%s: the disk is too slow; sound of %s is dropped", self._files.folder, track)
            self._queue.gaps[track] = [start, start + len(samples)]
        else:
            gap[1] = start + len(samples)

    # The writer thread.

    def _run(self) -> None:
        try:
            while (taken := self._take()) is not None:
                self._write(taken)
            if self._discarding:
                self._files.close()
            else:
                self._files.finish()
        except Exception as error:
            self._fail(error)

    def _take(self) -> _Queue | None:
        """Everything that waits; None at the end."""
        with self._lock:
            while not self._queue and not self._closing:
                self._wake.wait()
            gathering = not (self._queue.events or self._queue.marks or self._queue.gaps or self._closing)
            if gathering and self._queue.samples < self._gather:
                self._wake.wait(GATHER)
            if self._discarding or (self._closing and not self._queue):
                return None
            taken, self._queue = self._queue, _Queue()
            self._room.notify_all()
        return taken

    def _write(self, taken: _Queue) -> None:
        try:
            for event in taken.events:
                self._files.write_event(event)
            for track, (start, end) in taken.gaps.items():
                self._files.write_event({"type": "recording_gap", "start": start, "end": end, "track": track})
            for track, start, samples in taken.sound:
                self._files.write_sound(track, start, samples)
            if taken.marks:
                self._files.flush()
        finally:
            for mark in taken.marks:
                mark.set()

    def _fail(self, error: Exception) -> None:
        told = error if isinstance(error, DuplexError) else OutputError(f"{self._files.folder}: {error!r}")
        log.error("recording ends: %s", told)
        with contextlib.suppress(Exception):  # where only the sound failed, the log can still say so
            at = self._files.position
            lost = {"type": "lost", "start": at, "end": at, "capability": "recording", "reason": str(told)}
            self._files.write_event(lost)
        with contextlib.suppress(Exception):
            self._files.close()
        with self._lock:
            self._error = told
            for mark in self._queue.marks:
                mark.set()
            self._queue = _Queue()
            self._room.notify_all()
