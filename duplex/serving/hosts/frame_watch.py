"""How late the frames of one session are: by this a server knows that it cannot keep up, before the sound breaks up."""

from __future__ import annotations

from collections import deque

from duplex.serving.hosts.shedding import Lateness
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock

_MOST_FED = 1000
"""Frames whose perception is waited for; 20 s."""


class FrameWatch:
    """lateness: learns how long each frame waited until it was perceived, and how late sound went out."""

    def __init__(self, clock: Clock, lateness: Lateness) -> None:
        self._clock = clock
        self._lateness = lateness
        self._fed: deque[tuple[int, float]] = deque(maxlen=_MOST_FED)
        """Where each frame that is not perceived yet ends, and when it was fed."""
        self._first_output: float | None = None

    def fed(self, end: int) -> None:
        """The session has been given its input up to sample `end`."""
        self._fed.append((end, self._clock.now()))

    def perceived(self, end: int) -> None:
        """The session has perceived its input up to sample `end`."""
        while self._fed:
            fed_end, at = self._fed.popleft()
            if fed_end >= end:
                self._lateness.add(self._clock.now() - at)
                break

    def put_out(self, start: int) -> None:
        """Sound goes out now whose place on the session's clock is `start`."""
        # The least delay there has been is the clock's own beginning; what comes on top of it is lateness.
        since = self._clock.now() - start / SAMPLE_RATE
        self._first_output = since if self._first_output is None else min(self._first_output, since)
        self._lateness.add(since - self._first_output)
