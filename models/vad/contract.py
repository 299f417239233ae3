"""What an activity detector is: a stage from samples to speech/no speech, frame by frame."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

from duplex.streaming.audio import as_float32
from duplex.streaming.errors import InputError

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class ActivityFrame:
    """One frame's verdict. `active` has hysteresis; `onset` and `offset` are set on the frame where it changes.

    onset: sample (from the stream's beginning) at which the speech that is now confirmed began: it lies before this
    frame by the confirmation time. offset: sample at which the speech that is now over ended. quiet: while active, how
    many samples of silence there were last, as far as this frame tells: it may be the end of speech.
    """

    active: bool
    level_db: float
    onset: int | None = None
    offset: int | None = None
    quiet: int = 0


def heard(chunk: np.ndarray, hop: int) -> tuple[np.ndarray, float]:
    """(the chunk within [-1, 1], its RMS level in dB re full scale, at least -100); NaN and infinity count as silence.

    Raises InputError for a chunk that is not (hop,).
    """
    if chunk.shape != (hop,):
        raise InputError(f"an activity frame has {hop} samples, not shape {chunk.shape}")
    finite = math.isfinite(float(np.dot(chunk, chunk)))
    chunk = np.minimum(np.maximum(chunk, -1.0), 1.0) if finite else as_float32(chunk)
    return chunk, 10.0 * math.log10(float(np.dot(chunk, chunk)) / hop + 1e-10)


class VoiceActivityDetector(Protocol[State]):
    """A stage (streaming.stage) from `hop` samples to an ActivityFrame."""

    hop: int
    latency: int
    sample_rate: int
    name: str

    def initial_state(self, batch: int = 1) -> State: ...

    def step(self, chunk: np.ndarray, state: State) -> tuple[ActivityFrame, State]: ...

    def flush(self, state: State) -> ActivityFrame | None: ...
