"""A ring of samples between an audio callback and the event loop: one writes, one reads, nobody waits.

All memory is there from the beginning. Each side moves only its own counter, after its samples are in place, so no
lock is needed; what does not fit, or is not there, is counted and left to the caller.
"""

from __future__ import annotations

import numpy as np


class SampleRing:
    """Single producer, single consumer: (n,) float32 goes in by `write` and comes out by `read`."""

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.written = 0
        """Samples that have gone in; only the producer moves it."""
        self.taken = 0
        """Samples that have come out; only the consumer moves it."""
        self.overflow = 0
        """Samples that did not fit."""
        self._samples = np.zeros(capacity, np.float32)

    def __len__(self) -> int:
        return self.written - self.taken

    def write(self, samples: np.ndarray) -> int:
        """As many as fit; returns how many."""
        count = min(len(samples), self.capacity - (self.written - self.taken))
        at = self.written % self.capacity
        first = min(count, self.capacity - at)
        self._samples[at : at + first] = samples[:first]
        self._samples[: count - first] = samples[first:count]
        self.overflow += len(samples) - count
        self.written += count
        return count

    def read(self, out: np.ndarray) -> int:
        """Into `out`, as many as there are; returns how many."""
        count = min(len(out), self.written - self.taken)
        at = self.taken % self.capacity
        first = min(count, self.capacity - at)
        out[:first] = self._samples[at : at + first]
        out[first:count] = self._samples[: count - first]
        self.taken += count
        return count

    def skip(self, count: int) -> int:
        """Throw samples away unread, as many as there are; returns how many."""
        count = min(count, self.written - self.taken)
        self.taken += count
        return count


class TimeRing:
    """The same for the times of callbacks: pairs of (seconds, samples so far). The oldest give way."""

    def __init__(self, capacity: int = 64) -> None:
        self._pairs = np.zeros((capacity, 2))
        self._written = 0
        self._taken = 0

    def write(self, time: float, samples: int) -> None:
        pair = self._pairs[self._written % len(self._pairs)]
        pair[0] = time
        pair[1] = samples
        self._written += 1

    def read(self) -> list[tuple[float, int]]:
        """Every pair since the last call, as far as they are still there."""
        written = self._written
        # Half of the ring is left to a producer that goes on writing meanwhile.
        first = max(self._taken, written - len(self._pairs) // 2)
        self._taken = written
        pairs = (self._pairs[index % len(self._pairs)] for index in range(first, written))
        return [(float(time), int(samples)) for time, samples in pairs]
