"""What one server allows: how many, how large, how long."""

from __future__ import annotations

from dataclasses import dataclass

from duplex.streaming.clock import Clock


@dataclass(frozen=True, slots=True)
class Limits:
    """Numbers of people and connections, bytes, and seconds."""

    calls: int = 16
    """People connected at once, all rooms together."""
    seats: int = 4
    """People in one room."""
    connections: int = 512
    """TCP connections at once."""
    body: int = 65_536
    """Bytes of a request's body."""
    sdp: int = 32_768
    """Characters of a session description."""
    request: float = 10.0
    """Seconds in which a request must have arrived, headers and body."""
    connecting: float = 20.0
    """Seconds in which a connection must come up after its offer."""
    reconnect: float = 60.0
    """Seconds that a session is kept without a connection."""
    idle: float = 900.0
    """Seconds without anybody speaking after which a call ends."""
    longest: float = 4 * 3600.0
    """Seconds after which any call ends."""
    keep_ended: float = 600.0
    """Seconds in which the transcript of an ended call can still be fetched."""
    drain: float = 30.0
    """Seconds that calls may go on after the server was told to stop."""


class TokenBucket:
    """A rate limit: `burst` at once, `rate` a second for long."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self.refused = 0
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._level = burst
        self._at = clock.now()

    def take(self) -> bool:
        """Whether there is one left, which is then gone."""
        now = self._clock.now()
        self._level = min(self._burst, self._level + (now - self._at) * self._rate)
        self._at = now
        if self._level < 1.0:
            self.refused += 1
            return False
        self._level -= 1.0
        return True
