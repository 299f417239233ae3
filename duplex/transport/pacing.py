"""Paced output: whatever is played leaves as one 20 ms frame every 20 ms, as early as its source allows.

A live source (a session's 10 ms chunks, another caller's voice) completes frames at its own phase. A grid that
started somewhere else would make each of them wait, up to a frame, for the whole call; so the grid moves to where the
source is. A source that pauses for a moment is waited for, and then catches up: its frames keep their place in time
and the listener's jitter buffer does what it is for. After a longer stall silence has been sent in its place, and what
then stands in the way of a live source is taken out: at once where it is silent, else after half a second.
"""

from __future__ import annotations

import asyncio
from collections import deque

import numpy as np

from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import Clock

PERIOD = FRAME / SAMPLE_RATE
"""Seconds between frames."""

PATIENCE = 0.1
"""Seconds that a late source is waited for before silence is sent in its place; after silence, one PERIOD."""

LONGEST = 30.0
"""Seconds of audio that may wait; more is refused."""

FADE = 80
"""Samples (5 ms) in which a flush fades out what was next."""

_WINDOW = 25
_LIVE_BLOCK = 3 * FRAME
_PHASE_MARGIN = 0.001
_LOST_TRACK = 0.5
_SILENCE = 1e-3
_QUIET = 10


class PacedOutput:
    """`play` appends, `flush` drops, `frame` waits until the next 20 ms are due.

    Not started until the first `frame`: what is played earlier has no listener and is dropped.
    """

    def __init__(self, clock: Clock) -> None:
        self.refused = 0
        """Samples that found no room."""
        self.skipped = 0
        """Samples left out to catch up."""
        self._clock = clock
        self._frames: deque[tuple[float, np.ndarray]] = deque()  # when complete, and what
        self._partial = np.zeros(0, np.float32)
        self._arrived = asyncio.Event()
        self._due: float | None = None
        self._idle = True
        self._waits: deque[float] = deque(maxlen=_WINDOW)
        self._backlog: deque[int] = deque(maxlen=_WINDOW)
        self._live = True
        self._cut_off: np.ndarray | None = None
        self._quiet = 0

    @property
    def waiting(self) -> int:
        """Samples that have not been sent."""
        return len(self._frames) * FRAME + len(self._partial)

    def play(self, samples: np.ndarray) -> None:
        """samples: (n,) float32 at 16 kHz. Blocks of up to 60 ms are taken for a live source, at the pace of the clock:
        what runs ahead of it is cut in the end. A longer block is played to its end.
        """
        if self._due is None:
            return
        room = round(LONGEST * SAMPLE_RATE) - self.waiting
        if len(samples) > room:
            self.refused += len(samples) - max(0, room)
            samples = samples[: max(0, room)]
        held = np.concatenate([self._partial, samples], dtype=np.float32)
        whole = len(held) // FRAME * FRAME
        now = self._clock.now()
        self._frames.extend((now, held[at : at + FRAME]) for at in range(0, whole, FRAME))
        self._partial = held[whole:]
        self._live = self._live and len(samples) <= _LIVE_BLOCK
        if len(samples):
            self._arrived.set()

    def flush(self) -> None:
        """Drop what has not been sent, but for a fade of 5 ms."""
        self._cut_off = None
        self._backlog.clear()
        following = self._frames[0][1] if self._frames else self._partial
        tail = following[:FADE] * np.linspace(1.0, 0.0, len(following[:FADE]), dtype=np.float32)
        self._frames.clear()
        self._partial = np.zeros(0, np.float32)
        if len(tail):
            self._frames.append((self._clock.now(), _padded(tail)))

    async def frame(self) -> np.ndarray:
        """(320,) float32, when it is due; silence if there is nothing."""
        now = self._clock.now()
        if self._due is None or now - self._due > _LOST_TRACK:
            self._due = now
        await self._clock.sleep_until(self._due)
        if not self._frames and not (self._idle and not len(self._partial)):
            await self._wait(self._due + (PATIENCE if self._quiet < _QUIET else PERIOD))
        self._catch_up()
        samples = self._take()
        self._due += PERIOD
        self._quiet = self._quiet + 1 if np.abs(samples).max() < _SILENCE else 0
        return samples

    async def _wait(self, until: float) -> None:
        while not self._frames and (left := until - self._clock.now()) > 0:
            self._arrived.clear()
            try:
                await asyncio.wait_for(self._arrived.wait(), left)
            except TimeoutError:
                return

    def _take(self) -> np.ndarray:
        if not self._frames:
            self._idle = True
            self._cut_off = None
            self._waits.clear()
            self._backlog.clear()
            partial, self._partial = self._partial, np.zeros(0, np.float32)
            return _padded(partial)
        self._idle = False
        completed, samples = self._frames.popleft()
        if self._cut_off is not None:
            rise = np.linspace(0.0, 1.0, FADE, dtype=np.float32)
            joined = rise * samples[:FADE] + (1.0 - rise) * self._cut_off
            samples, self._cut_off = np.concatenate([joined, samples[FADE:]]), None
        self._align(self._clock.now() - completed)
        self._live = self._live or not self._frames
        self._backlog.append(len(self._frames))
        self._cut()
        return samples

    def _align(self, waited: float) -> None:
        """Every frame of late was complete before it was due: so much earlier is the source's phase."""
        self._waits.append(waited)
        if len(self._waits) < _WINDOW:
            return
        least = min(self._waits)
        if 2 * _PHASE_MARGIN < least < PERIOD and self._due is not None:
            self._due -= least - _PHASE_MARGIN
            self._waits.clear()

    def _catch_up(self) -> None:
        if not self._live or self._quiet < _QUIET:
            return
        while len(self._frames) > 1 and np.abs(self._frames[0][1]).max() < _SILENCE:
            self._frames.popleft()
            self.skipped += FRAME

    def _cut(self) -> None:
        """A live source has no reason to be ahead: frames that always waited are left out, with a cross-fade."""
        surplus = min(self._backlog)
        if not self._live or len(self._backlog) < _WINDOW or not surplus:
            return
        self._cut_off = self._frames[0][1][:FADE]
        for _ in range(surplus):
            self._frames.popleft()
        self.skipped += surplus * FRAME
        self._backlog.clear()


def _padded(samples: np.ndarray) -> np.ndarray:
    return np.pad(samples, (0, FRAME - len(samples)))
