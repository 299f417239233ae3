"""Playback with an exact position: which samples of a reply were heard, and when.

Pure and synchronous. Speech is written under its reply's epoch, and read frame by frame at the pace of the output.
What carries a stale epoch is discarded here, at the consumer; nobody upstream need be cancelled for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from duplex.models.tts.contract import WordMark
from duplex.streaming.audio import SAMPLE_RATE

AUDIBLE = 1e-3
"""Level (-60 dBFS) from which a sample counts as audible."""

FADE = 80
"""Samples (5 ms) of fade where a reply is cut or resumes, so that neither clicks."""


@dataclass(frozen=True, slots=True)
class HeardWord:
    """A word of the reply's text and the samples of the session clock between which it was heard."""

    text: str
    text_start: int
    text_end: int
    start: int
    end: int


@dataclass(slots=True)
class Track:
    """One reply as it is played."""

    epoch: int
    text: str = ""
    marks: list[WordMark] = field(default_factory=list)
    written: int = 0
    played: int = 0
    finished: bool = False
    segments: list[tuple[int, int, int]] = field(default_factory=list)
    """(first sample of the reply, sample of the clock, length): where each stretch of the reply was played."""
    first_audible: int | None = None
    last_audible: int | None = None

    def heard_words(self) -> list[HeardWord]:
        """The words played to their end, in order."""
        words = []
        for mark in self.marks:
            if mark.end > self.played:
                break
            start, end = self._on_clock(mark.start), self._on_clock(mark.end - 1) + 1
            words.append(
                HeardWord(self.text[mark.text_start : mark.text_end], mark.text_start, mark.text_end, start, end)
            )
        return words

    def heard_text(self) -> str:
        """The reply's text up to the last word that was played to its end; all of it if the reply was."""
        if self.finished and self.played >= self.written:
            return self.text.strip()
        words = self.heard_words()
        return self.text[: words[-1].text_end].strip() if words else ""

    def _on_clock(self, sample: int) -> int:
        for first, clock, length in self.segments:
            if sample < first + length:
                return clock + max(0, sample - first)
        first, clock, length = self.segments[-1]
        return clock + length


class Playback:
    """The assistant's voice on the session clock: 16 kHz mono float32.

    capacity: seconds written ahead of what is played; `room` says how much is left (the writer waits for it).
    """

    def __init__(self, capacity: float = 3.0) -> None:
        self.capacity = round(capacity * SAMPLE_RATE)
        self.track: Track | None = None
        self.discarded = 0
        """Samples that came too late for their epoch."""
        self._buffer: deque[np.ndarray] = deque()
        self._buffered = 0
        self._suspended = False
        self._fade_in = False
        self._tail = np.zeros(0, np.float32)

    @property
    def position(self) -> int:
        """Samples of the current reply that have been played."""
        return self.track.played if self.track else 0

    @property
    def suspended(self) -> bool:
        return self._suspended

    def room(self) -> int:
        """Samples that may be written before the buffer is full."""
        return self.capacity - self._buffered

    def begin(self, epoch: int) -> None:
        """A new reply; what is left of an older one is dropped."""
        self._drop()
        self.track = Track(epoch)

    def append_text(self, epoch: int, text: str) -> int:
        """The reply's text grows; returns the offset at which `text` begins in it (-1: stale epoch)."""
        track = self._current(epoch)
        if track is None:
            return -1
        offset = len(track.text)
        track.text += text
        return offset

    def write(self, epoch: int, samples: np.ndarray, marks: tuple[WordMark, ...] = ()) -> bool:
        """samples: (n,) at 16 kHz; marks count from the reply's first sample and character, in text order.

        A mark that is sent again (same text_start) replaces the earlier one. False: the epoch is stale.
        """
        track = self._current(epoch)
        if track is None or track.finished:
            self.discarded += len(samples)
            return False
        for mark in marks:
            if track.marks and track.marks[-1].text_start == mark.text_start:
                track.marks[-1] = mark
            else:
                track.marks.append(mark)
        if len(samples):
            self._buffer.append(np.asarray(samples, np.float32))
            self._buffered += len(samples)
            track.written += len(samples)
        return True

    def finish(self, epoch: int) -> None:
        """Nothing more will be written for this epoch."""
        track = self._current(epoch)
        if track is not None:
            track.finished = True

    @property
    def drained(self) -> bool:
        """The current reply is complete and has been played."""
        return self.track is not None and self.track.finished and not self._buffered and not len(self._tail)

    def suspend(self, epoch: int) -> None:
        """Hold the reply: after a fade of 5 ms nothing is audible until `resume`."""
        if self._current(epoch) is not None and not self._suspended:
            self._suspended = True
            self._cut()

    def resume(self, epoch: int) -> None:
        """Go on at the very sample at which the reply was held."""
        if self._current(epoch) is not None and self._suspended:
            self._suspended = False
            self._fade_in = True

    def interrupt(self, epoch: int) -> None:
        """Drop the rest for good. The track keeps what was heard."""
        track = self._current(epoch)
        if track is None:
            return
        if not self._suspended:
            self._cut()
        tail = self._tail
        self._drop()
        self._tail = tail
        track.finished = True

    def end(self) -> Track | None:
        """Take the current track away: the reply is over."""
        track, self.track = self.track, None
        self._suspended = False
        return track

    def read(self, start: int, length: int) -> np.ndarray:
        """The next `length` samples, which will be heard at `start` on the session clock."""
        out = np.zeros(length, np.float32)
        filled = 0
        if len(self._tail):
            filled = min(len(self._tail), length)
            self._place(out, 0, self._tail[:filled], start)
            self._tail = self._tail[filled:]
        while not self._suspended and filled < length and self._buffer:
            head = self._buffer[0]
            take = min(len(head), length - filled)
            piece = head[:take]
            if take == len(head):
                self._buffer.popleft()
            else:
                self._buffer[0] = head[take:]
            self._buffered -= take
            if self._fade_in:
                piece = piece.copy()
                ramp = min(FADE, take)
                piece[:ramp] *= np.linspace(0.0, 1.0, ramp, dtype=np.float32)
                self._fade_in = False
            self._place(out, filled, piece, start + filled)
            filled += take
        return out

    def _place(self, out: np.ndarray, at: int, piece: np.ndarray, clock: int) -> None:
        out[at : at + len(piece)] = piece
        track = self.track
        if track is None:
            return
        last = track.segments[-1] if track.segments else None
        if last and last[0] + last[2] == track.played and last[1] + last[2] == clock:
            track.segments[-1] = (last[0], last[1], last[2] + len(piece))
        else:
            track.segments.append((track.played, clock, len(piece)))
        track.played += len(piece)
        audible = np.flatnonzero(np.abs(piece) > AUDIBLE)
        if len(audible):
            if track.first_audible is None:
                track.first_audible = clock + int(audible[0])
            track.last_audible = clock + int(audible[-1]) + 1

    def _cut(self) -> None:
        """Take the fade's samples off the buffer into the tail, which is played whatever happens."""
        taken: list[np.ndarray] = []
        need = FADE if self.track and self.track.played else 0
        while need and self._buffer:
            head = self._buffer.popleft()
            taken.append(head[:need])
            if len(head) > need:
                self._buffer.appendleft(head[need:])
            need -= len(taken[-1])
        if taken:
            tail = np.concatenate(taken)
            self._buffered -= len(tail)
            self._tail = tail * np.linspace(1.0, 0.0, len(tail), dtype=np.float32)

    def _drop(self) -> None:
        self._buffer.clear()
        self._buffered = 0
        self._tail = np.zeros(0, np.float32)
        self._suspended = False
        self._fade_in = False

    def _current(self, epoch: int) -> Track | None:
        return self.track if self.track is not None and self.track.epoch == epoch else None
