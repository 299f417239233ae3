"""From a tagger's probabilities to sounds that begin and end, with hysteresis, as they come and in constant memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from duplex.models.sounds.contract import BLOCK, SoundBlock, Threshold

LONGEST_PAUSE = 3
"""Blocks below its threshold that a sound may have in the middle: 1.2 s. A dog barks more than once."""


@dataclass(frozen=True, slots=True)
class HeardSound:
    """A sound from the sample `start` to `end`, of its first and last block above its lower threshold.

    number: counts sounds, and is the same while one goes on. score: its highest probability so far. over: nothing
    follows.
    """

    number: int
    label: str
    start: int
    end: int
    score: float
    over: bool = False


class SoundEvents:
    """Sounds of one stream: each is told when it is known and once more, whole, when it is over.

    labels: of the probabilities. thresholds: of those labels that are told. A label of which another is a special case
    may be heard beside it; both are told.
    """

    def __init__(self, labels: Sequence[str], thresholds: Mapping[str, Threshold]) -> None:
        self._told = [(label, thresholds[label], labels.index(label)) for label in thresholds]
        self._open: dict[str, HeardSound] = {}
        self._count = 0

    @property
    def open(self) -> list[HeardSound]:
        """The sounds that go on, by start."""
        return sorted(self._open.values(), key=lambda sound: sound.start)

    def push(self, block: SoundBlock) -> list[HeardSound]:
        """Returns the sounds that are over and those that begin."""
        told = []
        for label, threshold, column in self._told:
            score = float(block.probabilities[column])
            sound = self._open.get(label)
            if sound is not None and block.start - sound.end > LONGEST_PAUSE * BLOCK:
                told.append(replace(self._open.pop(label), over=True))
                sound = None
            if sound is None and score >= threshold.on:
                self._count += 1
                sound = HeardSound(self._count, label, block.start, block.start + BLOCK, round(score, 3))
                self._open[label] = sound
                told.append(sound)
            elif sound is not None and score >= threshold.off:
                best = max(sound.score, round(score, 3))
                self._open[label] = replace(sound, end=block.start + BLOCK, score=best)
        return told

    def finish(self) -> list[HeardSound]:
        """The stream is over, and with it all that go on."""
        ended = [replace(sound, over=True) for sound in self.open]
        self._open.clear()
        return ended


def as_events(
    probabilities: np.ndarray, labels: Sequence[str], thresholds: Mapping[str, Threshold]
) -> list[HeardSound]:
    """The sounds of a whole recording, (blocks, labels), by end."""
    events = SoundEvents(labels, thresholds)
    told = [each for n, row in enumerate(probabilities) for each in events.push(SoundBlock(n * BLOCK, row))]
    return [sound for sound in [*told, *events.finish()] if sound.over]
