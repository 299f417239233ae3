"""The input of a room: every seat's 20 ms frames, which come when they come, side by side on the session's clock.

A frame of all seats goes out as soon as every seat that is taken has one. Who is late is waited for, up to `patience`;
then silence stands for what is missing. Browsers' sample clocks run a little faster or slower than ours: a seat that
gets ahead loses a frame now and then, one that falls behind gets one of silence. Pure: all times are the caller's.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from duplex.streaming.audio import FRAME, SAMPLE_RATE

LEAD = 2 * FRAME
"""Samples by which the input may be ahead of the time."""

BACKLOG = 15
"""Frames of one seat that may wait; the oldest gives way. A burst after a stall is no longer than that."""

_WINDOW = 10 * SAMPLE_RATE
_BEHIND = 2 * FRAME


class InputAlignment:
    """seats: how many. patience: seconds that a seat's late frame is waited for."""

    def __init__(self, seats: int, patience: float = 0.3) -> None:
        self.seats = seats
        self.position = 0
        """Samples that have gone out."""
        self.missing = 0
        """Frames of taken seats for which silence stood."""
        self.dropped = 0
        """Frames that a seat was ahead."""
        self._patience = round(patience * SAMPLE_RATE)
        self._queues: list[deque[np.ndarray] | None] = [None] * seats
        self._starting: set[int] = set()
        self._least_lag = _WINDOW
        self._window_end = _WINDOW

    def take_seat(self, seat: int) -> None:
        """Somebody sits down; the others do not wait for the first frame."""
        self._queues[seat] = deque(maxlen=BACKLOG)
        self._starting.add(seat)

    def leave_seat(self, seat: int) -> None:
        self._queues[seat] = None
        self._starting.discard(seat)

    def push(self, seat: int, frame: np.ndarray) -> None:
        """frame: (FRAME,) float32. Frames of a seat that nobody has are dropped."""
        queue = self._queues[seat]
        if queue is None:
            return
        self._starting.discard(seat)
        self.dropped += len(queue) == queue.maxlen
        queue.append(frame)

    def due(self) -> float:
        """Seconds on the session's clock at which `take` has something although nothing comes."""
        return (self.position + FRAME + (self._patience if self._expected() else 0)) / SAMPLE_RATE

    def take(self, now: float) -> list[np.ndarray]:
        """now: seconds on the session's clock. The frames that are complete or due: (FRAME, seats) float32 each."""
        time = round(now * SAMPLE_RATE)
        frames: list[np.ndarray] = []
        while True:
            expected = self._expected()
            complete = bool(expected) and all(self._queues[seat] for seat in expected)
            end = self.position + FRAME
            if complete and end <= time + LEAD:
                self._note_lag(time - end)
                frames.append(self._frame(expected))
            elif time >= end + (self._patience if expected else 0):
                # What has been waited for in vain is over: on to the present, so that what comes next is on time.
                until = time if expected else end
                while self.position + FRAME <= until:
                    frames.append(self._frame(expected))
            else:
                return frames
            if self.position >= self._window_end:
                self._follow_drift(frames)

    def _expected(self) -> list[int]:
        return [seat for seat in range(self.seats) if self._queues[seat] is not None and seat not in self._starting]

    def _frame(self, expected: list[int]) -> np.ndarray:
        frame = np.zeros((FRAME, self.seats), np.float32)
        for seat in expected:
            queue = self._queues[seat]
            if queue:
                frame[:, seat] = queue.popleft()
            else:
                self.missing += 1
        self.position += FRAME
        return frame

    def _note_lag(self, lag: int) -> None:
        self._least_lag = min(self._least_lag, lag)

    def _follow_drift(self, frames: list[np.ndarray]) -> None:
        """Even the earliest frame of the last seconds was late: the senders' clocks are slow. One frame of silence."""
        if _BEHIND <= self._least_lag < _WINDOW:
            frames.append(np.zeros((FRAME, self.seats), np.float32))
            self.position += FRAME
        self._least_lag = _WINDOW
        self._window_end = self.position + _WINDOW
