"""Several lanes of sound, each at its own pace, as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

LONGEST_WAIT = 10 * SAMPLE_RATE
"""Samples that one lane of the mix may be behind the other before it is taken for silent."""


class Mixer:
    """Sums lanes of sound; what every lane has reached comes out. A lane that stays behind is taken for silent."""

    def __init__(self, lanes: Sequence[str]) -> None:
        self._reached = dict.fromkeys(lanes, 0)
        self._start = 0
        self._sum = np.zeros(0, np.float32)

    def add(self, lane: str, start: int, samples: np.ndarray) -> tuple[int, np.ndarray]:
        """Returns the place and the samples of what has become final. What comes too late is left out."""
        late = max(0, self._reached[lane] - start)
        start, samples = start + late, samples[late:]
        end = start + len(samples)
        self._reached[lane] = max(self._reached[lane], end)
        missing = end - self._start - len(self._sum)
        if missing > 0:
            self._sum = np.concatenate([self._sum, np.zeros(missing, np.float32)])
        self._sum[start - self._start : end - self._start] += samples
        return self._take(max(min(self._reached.values()), end - LONGEST_WAIT))

    def overlay(self, start: int, samples: np.ndarray) -> None:
        """Sound that belongs to no lane and is not waited for. What comes too late is left out."""
        late = max(0, self._start - start)
        at, samples = start + late - self._start, samples[late:]
        if (missing := at + len(samples) - len(self._sum)) > 0:
            self._sum = np.concatenate([self._sum, np.zeros(missing, np.float32)])
        self._sum[at : at + len(samples)] += samples

    def rest(self) -> tuple[int, np.ndarray]:
        return self._take(max(self._reached.values()))

    def _take(self, until: int) -> tuple[int, np.ndarray]:
        start, count = self._start, max(0, until - self._start)
        out, self._sum = self._sum[:count], self._sum[count:].copy()
        self._start += count
        for lane, reached in self._reached.items():
            self._reached[lane] = max(reached, self._start)
        return start, out
