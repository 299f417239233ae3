"""A room's input on its way to the session: aligned frames at the pace of the clock."""

from __future__ import annotations

import numpy as np

from duplex.conversation.session import Session
from duplex.serving.hosts.frame_watch import FrameWatch
from duplex.serving.rooms.input_alignment import InputAlignment
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import Clock


class RoomInput:
    """Feeds a session from the seats. watch: is told of every frame. Nothing is fed before `begin` and after `end`."""

    def __init__(self, seats: int, patience: float, clock: Clock, watch: FrameWatch) -> None:
        self._alignment = InputAlignment(seats, patience)
        self._clock = clock
        self._watch = watch
        self._session: Session | None = None
        self._began = 0.0

    def begin(self, session: Session) -> None:
        self._session = session
        self._began = self._clock.now()

    def end(self) -> None:
        self._session = None

    def take_seat(self, seat: int) -> None:
        self._alignment.take_seat(seat)

    def leave_seat(self, seat: int) -> None:
        self._alignment.leave_seat(seat)

    def push(self, seat: int, frame: np.ndarray) -> None:
        """frame: (FRAME,) float32 at 16 kHz."""
        self._alignment.push(seat, frame)
        self.advance()

    def advance(self) -> None:
        """Feed what is complete or due."""
        if self._session is None:
            return
        now, position = self._clock.now(), self._alignment.position
        for frame in self._alignment.take(now - self._began):
            position += FRAME
            self._watch.fed(position)
            self._session.feed(frame)

    async def keep_pace(self) -> None:
        """Advance the input although nothing comes; runs until it is cancelled."""
        while True:
            at = self._began + max(self._alignment.due(), self._clock.now() - self._began + FRAME / SAMPLE_RATE)
            await self._clock.sleep_until(at)
            self.advance()
