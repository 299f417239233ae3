"""What each person in a room hears: the others and the assistant, and not themselves (mix-minus)."""

from __future__ import annotations

from collections import deque

import numpy as np

from duplex.streaming.audio import FRAME
from duplex.streaming.limiter import soft_limit

CUSHION = 2 * FRAME
"""Samples that must wait before a source begins to sound, so that jitter makes no holes in it."""

FULLEST = 6 * FRAME
"""Samples that may wait; beyond it the source is brought back to its cushion."""


class Source:
    """A voice on its way to the listeners: written as it comes, read at the pace of the output."""

    def __init__(self) -> None:
        self.dropped = 0
        self._blocks: deque[np.ndarray] = deque()
        self._length = 0
        self._sounding = False

    def write(self, samples: np.ndarray) -> None:
        """samples: (n,) float32."""
        self._blocks.append(samples)
        self._length += len(samples)
        if self._length > FULLEST:
            surplus = self._length - CUSHION
            self.dropped += surplus
            self._take(surplus)

    def read(self, count: int) -> np.ndarray | None:
        """(count,) float32, or None for silence."""
        self._sounding = self._length >= (count if self._sounding else max(count, CUSHION))
        return self._take(count) if self._sounding else None

    def _take(self, count: int) -> np.ndarray:
        taken: list[np.ndarray] = []
        self._length -= count
        while count:
            block = self._blocks.popleft()
            if len(block) > count:
                self._blocks.appendleft(block[count:])
            taken.append(block[:count])
            count -= len(taken[-1])
        return np.concatenate(taken)


class Mix:
    """The people of a room, each with a voice that the others hear."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}

    def join(self, name: str) -> None:
        """Somebody who speaks and listens."""
        self._sources[name] = Source()

    def leave(self, name: str) -> None:
        self._sources.pop(name, None)

    def write(self, name: str, samples: np.ndarray) -> None:
        """samples: (n,) float32 at 16 kHz. A voice that nobody else hears is not kept."""
        if len(self._sources) > 1 and name in self._sources:
            self._sources[name].write(samples)

    def read(self, assistant: np.ndarray) -> dict[str, np.ndarray]:
        """assistant: (n,) float32, what the assistant says now. Returns (n,) for each listener."""
        if len(self._sources) < 2:
            return {listener: assistant for listener in self._sources}
        voices = {name: source.read(len(assistant)) for name, source in self._sources.items()}
        tracks: dict[str, np.ndarray] = {}
        for listener in self._sources:
            heard = [voice for name, voice in voices.items() if name != listener and voice is not None]
            tracks[listener] = soft_limit(np.sum([assistant, *heard], axis=0, dtype=np.float32)) if heard else assistant
        return tracks
