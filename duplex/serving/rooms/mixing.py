"""What each person in a room hears: the others and the assistant, and not themselves (mix-minus)."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from duplex.conversation.interpreting.ducking import Ducking
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


@dataclass(slots=True)
class _Person:
    """language: that the person speaks. interpreted: in which the others are spoken to them; empty: none."""

    language: str = ""
    interpreted: str = ""
    source: Source = field(default_factory=Source)
    ducking: Ducking = field(default_factory=Ducking)


class Mix:
    """The people of a room, each with a voice that the others hear.

    Somebody to whom the others are interpreted hears the translation above those who speak another language.
    """

    def __init__(self) -> None:
        self._people: dict[str, _Person] = {}

    def join(self, name: str) -> None:
        """Somebody who speaks and listens."""
        self._people[name] = _Person()

    def leave(self, name: str) -> None:
        self._people.pop(name, None)

    def speaks(self, name: str, language: str) -> None:
        """Two letters; who has not said so speaks the room's own language."""
        self._people[name].language = language

    def interpret(self, name: str, language: str) -> None:
        """The others' words are spoken to this person in this language from now on; empty: not any more."""
        self._people[name].interpreted = language

    def write(self, name: str, samples: np.ndarray) -> None:
        """samples: (n,) float32 at 16 kHz. A voice that nobody else hears is not kept."""
        if len(self._people) > 1 and name in self._people:
            self._people[name].source.write(samples)

    def read(self, assistant: np.ndarray, interpreted: Mapping[str, np.ndarray] | None = None) -> dict[str, np.ndarray]:
        """assistant: (n,) float32, what the assistant says now; interpreted: what the interpreter's voices say, by
        language. Returns (n,) for each listener."""
        if len(self._people) < 2:
            return {listener: assistant for listener in self._people}
        voices = {name: person.source.read(len(assistant)) for name, person in self._people.items()}
        return {
            listener: self._heard(listener, person, assistant, voices, interpreted or {})
            for listener, person in self._people.items()
        }

    def _heard(
        self,
        listener: str,
        person: _Person,
        assistant: np.ndarray,
        voices: Mapping[str, np.ndarray | None],
        interpreted: Mapping[str, np.ndarray],
    ) -> np.ndarray:
        translation = interpreted.get(person.interpreted) if person.interpreted else None
        gain = person.ducking.gain(translation, len(assistant))
        heard = [
            voice if gain is None or self._people[name].language == person.language else voice * gain
            for name, voice in voices.items()
            if name != listener and voice is not None
        ]
        if translation is not None:
            heard.append(translation)
        return soft_limit(np.sum([assistant, *heard], axis=0, dtype=np.float32)) if heard else assistant
