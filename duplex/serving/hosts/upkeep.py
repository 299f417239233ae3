"""What a host does twice a second: measure its load, shed work or take it up again, end calls whose time is over."""

from __future__ import annotations

import time

from duplex.serving.hosts.shedding import Lateness, Shedder, Step
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.call import Call
from duplex.serving.rooms.room import Room
from duplex.streaming.clock import Clock
from duplex.streaming.loop_watchdog import LoopWatchdog

PERIOD = 0.5
"""Seconds between two looks at lateness and time limits."""


class LoadMonitor:
    """A host's load: frame lateness, processor time, the event loop, and what is shed because of it.

    Use as an async context manager; the loop is watched while it is entered.
    """

    def __init__(self, shedder: Shedder, clock: Clock) -> None:
        self.lateness = Lateness()
        self.shedder = shedder
        self.cpu = 0.0
        """Share of a core that the process has taken lately."""
        self.watchdog = LoopWatchdog()
        self._used, self._at = time.process_time(), clock.now()

    async def __aenter__(self) -> LoadMonitor:
        await self.watchdog.__aenter__()
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.watchdog.__aexit__(None, None, None)

    @property
    def shed(self) -> tuple[str, ...]:
        """Names of what is given up."""
        return tuple(step.name for step in self.shedder.given_up)

    def loop_lateness(self) -> dict[str, float]:
        """As `Load.loop` gives it."""
        watchdog = self.watchdog
        return {
            "longest": float(watchdog.longest),
            "p99": float(watchdog.quantile(0.99)),
            "stalls": float(watchdog.stalls(0.02)),
        }

    def observe(self, now: float) -> tuple[Step, bool] | None:
        """A step of shedding that is to be taken (True) or taken back (False) now."""
        if now > self._at:
            taken, self._used = time.process_time() - self._used, time.process_time()
            self.cpu += 0.3 * (taken / (now - self._at) - self.cpu)
            self._at = now
        level = self.shedder.level
        step = self.shedder.observe(self.lateness.quantile(), now)
        self.lateness.turn()
        if step is None:
            return None
        self.lateness.clear()
        return step, self.shedder.level > level


def reason_to_end(call: Call, room: Room, limits: Limits, now: float) -> str:
    """Why an open call has to end at `now` (seconds on the clock); empty if it may go on."""
    if call.alone_since is not None and now - call.alone_since > limits.reconnect:
        return "the connection did not come back"
    if now - call.began > limits.longest:
        return f"a call lasts {limits.longest / 3600:g} h at most"
    if now - room.last_sound > limits.idle:
        return f"nobody has spoken for {limits.idle / 60:g} min"
    return "its session has failed" if room.over else ""
