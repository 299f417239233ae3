"""What a sound tagger is: a stage from samples to what is heard, every 400 ms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

State = TypeVar("State")

BLOCK = 6400
"""Samples of a block at 16 kHz: 400 ms, five ticks of 80 ms."""

LABELS = (
    "speech",
    "music",
    "silence",
    "noise",
    "dog",
    "rain",
    "waves",
    "baby crying",
    "clock ticking",
    "sneeze",
    "helicopter",
    "chainsaw",
    "rooster",
    "fire",
    "bird",
    "animal",
    "insects",
    "water",
    "wind",
    "thunder",
    "engine",
    "tool",
    "alarm",
    "bell",
    "ringtone",
    "door",
    "glass",
    "bang",
    "knock",
    "footsteps",
    "keyboard",
)
"""What the bundled tagger tells apart. "noise" is a sound that is none of the others; "alarm" has sirens too, "bang"
shots and explosions, "knock" hits of all kinds, "engine" vehicles, trains and aircraft that are no helicopters."""

BACKGROUND = ("speech", "music", "silence", "noise")
"""Labels that are no sound events: they say what else there is."""


@dataclass(frozen=True, slots=True)
class SoundBlock:
    """What is heard in one block: sample at 16 kHz where it begins, and (labels,) float32, each label's probability;
    several may be heard at once."""

    start: int
    probabilities: np.ndarray


@dataclass(frozen=True, slots=True)
class Threshold:
    """Probabilities at which a label's event begins and below which it ends: `off` <= `on`."""

    on: float
    off: float


class SoundTagger(Protocol[State]):
    """A stage (streaming.stage) from `hop` (6400) samples at 16 kHz to the SoundBlock of just these samples.

    Attributes:
        labels: of the probabilities, in their order.
        thresholds: of those labels whose events are to be told.
        name: short, for tables and logs.
    """

    hop: int
    latency: int
    sample_rate: int
    name: str
    labels: tuple[str, ...]
    thresholds: dict[str, Threshold]

    def initial_state(self, batch: int = 1) -> State: ...

    def step(self, chunk: np.ndarray, state: State) -> tuple[SoundBlock, State]: ...

    def flush(self, state: State) -> None: ...
