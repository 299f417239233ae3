"""Playback with an exact position: which samples of a reply were heard, and when.

Pure and synchronous. Speech is written under its reply's epoch, and read frame by frame at the pace of the output.
What carries a stale epoch is discarded here, at the consumer; nobody upstream need be cancelled for it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np

from duplex.conversation.speaking.track import Track
from duplex.models.tts.contract import WordMark
from duplex.streaming.audio import SAMPLE_RATE

AUDIBLE = 1e-3
"""Level (-60 dBFS) from which a sample counts as audible."""

FADE = 80
"""Samples (5 ms) of fade where a reply is cut or resumes, so that neither clicks."""

_NOTHING = np.zeros(0, np.float32)


@dataclass(slots=True)
class _Interjection:
    """Something said in the middle of a reply, before its sample `at`."""

    track: Track
    samples: np.ndarray
    at: int


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
        self._tail = _NOTHING
        self._tail_track: Track | None = None
        self._interjections: deque[_Interjection] = deque()

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

    def interject(self, epoch: int, text: str, samples: np.ndarray, marks: tuple[WordMark, ...] = ()) -> Track | None:
        """Say something, (n,) at 16 kHz, at the next clause end of the current reply, which then goes on.

        Returns its track; None if there is no reply to cut in on, or only its last clause is left.
        """
        if self.track is None:
            return None
        place = self.track.clause_end(self.track.played + FADE)
        if self._interjections:
            place = self._interjections[-1].at
        elif self.track.finished and place >= self.track.written:
            return None
        track = Track(epoch, text, list(marks), len(samples), finished=True)
        self._interjections.append(_Interjection(track, np.asarray(samples, np.float32), place))
        return track

    @property
    def drained(self) -> bool:
        """The current reply is complete and has been played, and so has what was said in the middle of it."""
        return (
            self.track is not None
            and self.track.finished
            and not self._buffered
            and not len(self._tail)
            and not self._interjections
        )

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
            self._place(self._tail_track, out, 0, self._tail[:filled], start)
            self._tail = self._tail[filled:]
        while not self._suspended and filled < length:
            track, piece = self._take(length - filled)
            if not len(piece):
                break
            if self._fade_in:
                piece = piece.copy()
                ramp = min(FADE, len(piece))
                piece[:ramp] *= np.linspace(0.0, 1.0, ramp, dtype=np.float32)
                self._fade_in = False
            self._place(track, out, filled, piece, start + filled)
            filled += len(piece)
        return out

    def _take(self, most: int) -> tuple[Track | None, np.ndarray]:
        """The next samples to be played, at most so many, and whose they are."""
        cut_in = self._interjections[0] if self._interjections else None
        if cut_in is not None and (self.track is None or self.track.played >= cut_in.at):
            piece, cut_in.samples = cut_in.samples[:most], cut_in.samples[most:]
            if not len(cut_in.samples):
                self._interjections.popleft()
            return cut_in.track, piece
        if not self._buffer:
            return None, _NOTHING
        if cut_in is not None and self.track is not None:
            most = min(most, cut_in.at - self.track.played)
        head = self._buffer[0]
        piece = head[:most]
        if len(piece) == len(head):
            self._buffer.popleft()
        else:
            self._buffer[0] = head[most:]
        self._buffered -= len(piece)
        return self.track, piece

    @staticmethod
    def _place(track: Track | None, out: np.ndarray, at: int, piece: np.ndarray, clock: int) -> None:
        out[at : at + len(piece)] = piece
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
        need = FADE if self.track and self.track.played else 0
        if not need:
            return
        self._tail_track, piece = self._take(need)
        taken = [piece]
        while len(piece) and (need := need - len(piece)):
            _, piece = self._take(need) if self._upcoming() is self._tail_track else (None, _NOTHING)
            taken.append(piece)
        tail = np.concatenate(taken)
        self._tail = tail * np.linspace(1.0, 0.0, len(tail), dtype=np.float32)

    def _upcoming(self) -> Track | None:
        """Whose samples come next."""
        cut_in = self._interjections[0] if self._interjections else None
        if cut_in is not None and (self.track is None or self.track.played >= cut_in.at):
            return cut_in.track
        return self.track if self._buffer else None

    def _drop(self) -> None:
        self._buffer.clear()
        self._buffered = 0
        self._tail = _NOTHING
        self._interjections.clear()
        self._suspended = False
        self._fade_in = False

    def _current(self, epoch: int) -> Track | None:
        return self.track if self.track is not None and self.track.epoch == epoch else None
