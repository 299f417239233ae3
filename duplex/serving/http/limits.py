"""What one server allows: how many, how large, how long."""

from __future__ import annotations

from collections import OrderedDict
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
    events: int = 2000
    """Events in one answer about a call's state; what follows is asked for with `?since=`."""
    reads: float = 2.0
    """Answers about one call's state a second for long; 40 at once."""
    exports: float = 0.2
    """Downloads of one call's transcripts and recording a second for long; 12 at once."""


class TokenBucket:
    """A rate limit: `burst` at once, `rate` a second for long."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self.refused = 0
        self._clock = clock
        self.rate = rate
        self.burst = burst
        self._level = burst
        self._at = clock.now()

    @property
    def level(self) -> float:
        """How many are left."""
        self._fill()
        return self._level

    @property
    def wait(self) -> float:
        """Seconds until there is one; 0 if there is one now."""
        self._fill()
        return max(0.0, 1.0 - self._level) / self.rate

    def take(self) -> bool:
        """Whether there is one left, which is then gone."""
        self._fill()
        if self._level < 1.0:
            self.refused += 1
            return False
        self._level -= 1.0
        return True

    def _fill(self) -> None:
        now = self._clock.now()
        self._level = min(self.burst, self._level + (now - self._at) * self.rate)
        self._at = now


MOST_KEYS = 4096
"""Keys of which a RateLimiter knows; the one that was used least lately is forgotten."""


class RateLimiter:
    """A TokenBucket per key (a remote address, a call), in bounded memory."""

    def __init__(self, clock: Clock, rate: float, burst: float) -> None:
        self._clock = clock
        self._rate = rate
        self._burst = burst
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str) -> bool:
        return self._bucket(key).take()

    def wait(self, key: str) -> float:
        """Seconds until `take` succeeds."""
        return self._bucket(key).wait if key in self._buckets else 0.0

    def _bucket(self, key: str) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = TokenBucket(self._clock, self._rate, self._burst)
            if len(self._buckets) > MOST_KEYS:
                self._buckets.popitem(last=False)
        self._buckets.move_to_end(key)
        return bucket
