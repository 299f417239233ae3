"""The local time of a session: the system's where the conversation is live, else its start and what has elapsed."""

from __future__ import annotations

from datetime import datetime

from duplex.streaming.clock import Clock
from duplex.streaming.system_zone import SYSTEM_ZONE, in_system_zone, later

SHORTEST_SUSPENSION = 0.5
"""Seconds; less is the time between the readings of two clocks."""


class WallTime:
    """Local time at any second of a session.

    start: when sample 0 is, for a recording; None for a live session, which asks the clock for each time, so that
    hours in which the computer was suspended count. A virtual clock is asked once, at the start.
    """

    def __init__(self, clock: Clock, start: datetime | None = None) -> None:
        self._clock = clock
        self._live = start is None and not clock.virtual
        self.start = in_system_zone(start) if start else datetime.fromtimestamp(clock.wall(), SYSTEM_ZONE)
        self._suspended = clock.suspended()

    def at(self, elapsed: float) -> datetime:
        """The local time now, `elapsed` seconds after the start, in the zone of the start."""
        if self._live:
            return datetime.fromtimestamp(self._clock.wall(), SYSTEM_ZONE)
        return later(self.start, elapsed)

    def suspended(self) -> float:
        """Seconds for which the computer was suspended since the last call; 0 unless the session is live.

        The session's seconds do not count them: what is due at a time of day has to come that much earlier.
        """
        since = self._clock.suspended() - self._suspended if self._live else 0.0
        if since < SHORTEST_SUSPENSION:
            return 0.0
        self._suspended += since
        return since
