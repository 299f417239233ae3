"""What a diarizer is: a stage from samples to who speaks, ten times a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

State = TypeVar("State")

FRAME = 1600
"""Samples of a frame at 16 kHz: 100 ms."""


@dataclass(frozen=True, slots=True)
class SpeakerFrames:
    """Who speaks in consecutive frames of 100 ms.

    start: sample at 16 kHz where the first frame begins; frame i covers start + 1600 i to start + 1600 (i + 1).
    probabilities: (frames, speakers) float32, each that this speaker is speaking then; several may at once. The first
    columns are those who enrolled, in their order; the others are taken in the order in which people are first heard.
    """

    start: int
    probabilities: np.ndarray


@dataclass(frozen=True, slots=True)
class Turn:
    """`speaker` speaks from `start` to `end` (seconds)."""

    start: float
    end: float
    speaker: str

    @property
    def duration(self) -> float:
        return self.end - self.start


class Diarizer(Protocol[State]):
    """A stage (streaming.stage) from `hop` (1600) samples at 16 kHz to SpeakerFrames, of no frame while its latency
    fills; `flush` returns the frames that are left. So n steps and the flush give n frames.

    Attributes:
        latency: samples that must have come after a frame's end before its probabilities are given.
        max_speakers: columns of the probabilities.
        any_level: how loud the sound is makes no difference, so it is given without input gain, which changes as it
            goes.
        name: short, for tables and logs.
    """

    hop: int
    latency: int
    sample_rate: int
    name: str
    max_speakers: int
    any_level: bool

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> State:
        """enrolled: (name, samples) of people who are known, (n,) float32 at 16 kHz of each voice alone."""
        ...

    def step(self, chunk: np.ndarray, state: State) -> tuple[SpeakerFrames, State]: ...

    def flush(self, state: State) -> SpeakerFrames: ...
