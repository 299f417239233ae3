"""What each person in a room hears: the others and the assistant, and not themselves (mix-minus).

Who hears what is a table, listener by listener and speaker by speaker, of sources. It starts out as everybody's own
voice; an interpreter puts another source in place of a speaker for one listener, and for nobody else.
"""

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
    """The listeners of a room and the sources they hear."""

    def __init__(self) -> None:
        self._sources: dict[str, Source] = {}
        self._hears: dict[str, dict[str, str]] = {}

    def join(self, name: str) -> None:
        """Somebody who speaks and listens."""
        self._sources[name] = Source()
        for hears in self._hears.values():
            hears[name] = name
        self._hears[name] = {other: other for other in self._hears}

    def leave(self, name: str) -> None:
        self._sources.pop(name, None)
        self._hears.pop(name, None)
        for hears in self._hears.values():
            hears.pop(name, None)

    def add_source(self, name: str) -> None:
        """A voice that is nobody's own; it is heard where `route` puts it."""
        self._sources[name] = Source()

    def remove_source(self, name: str) -> None:
        """Who heard it hears the speakers themselves again."""
        self._sources.pop(name, None)
        for hears in self._hears.values():
            hears.update({speaker: speaker for speaker, source in hears.items() if source == name})

    def route(self, listener: str, speaker: str, source: str) -> None:
        """What `listener` hears in place of `speaker` from now on; the speaker's own name undoes it."""
        if listener not in self._hears or speaker not in self._hears[listener] or source not in self._sources:
            raise ValueError(f"no route: {listener!r} hearing {source!r} in place of {speaker!r}")
        self._hears[listener][speaker] = source

    def write(self, source: str, samples: np.ndarray) -> None:
        """samples: (n,) float32 at 16 kHz. A source that nobody hears is not kept."""
        if len(self._hears) > 1 and source in self._sources:
            self._sources[source].write(samples)

    def read(self, assistant: np.ndarray) -> dict[str, np.ndarray]:
        """assistant: (n,) float32, what the assistant says now. Returns (n,) for each listener."""
        if len(self._hears) < 2:
            return {listener: assistant for listener in self._hears}
        voices = {name: source.read(len(assistant)) for name, source in self._sources.items()}
        tracks: dict[str, np.ndarray] = {}
        for listener, hears in self._hears.items():
            heard = [voice for name in set(hears.values()) if (voice := voices[name]) is not None]
            tracks[listener] = soft_limit(np.sum([assistant, *heard], axis=0, dtype=np.float32)) if heard else assistant
        return tracks
