"""A linear echo canceller that keeps the user's words whole: a Kalman filter in the frequency domain, in partitions.

F. Kuech, E. Mabande, G. Enzner, "State-space architecture of the partitioned-block-based acoustic echo controller"
(ICASSP 2014); the diagonal form. How fast each bin adapts follows from how sure it is of the echo path and from how
much else it hears, so double talk needs no detector. AEC3, which is the better one at silencing an echo, also silences
a third of the words spoken over it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError, StageError

HOP = SAMPLE_RATE // 100
_DOUBT = np.float32(0.3)
_DECAY = np.float32(0.2)
"""What is believed of a path that nothing is known about: its early part is the strong one, in any room."""


@dataclass(slots=True)
class FilterState:
    """weights, doubt: (partitions, bins), the echo path and its variance. inputs: the reference's spectra, the newest
    first. noise: (bins,), power of what is not echo."""

    weights: np.ndarray
    doubt: np.ndarray
    inputs: np.ndarray
    noise: np.ndarray
    reference: np.ndarray


class EchoFilter:
    """A stage from (2, 160) float32 [microphone, reference] at 16 kHz to what is not echo, (160,).

    reach: seconds of echo path, from the reference on, that it can learn. change: how much of what is known about the
    path is still true after a second.
    """

    hop = HOP
    latency = 0
    sample_rate = SAMPLE_RATE
    name = "kalman"

    def __init__(self, reach: float = 0.3, change: float = 0.99) -> None:
        self._partitions = max(1, round(reach * SAMPLE_RATE / HOP))
        self._keep = np.float32(change ** (HOP / SAMPLE_RATE))

    def initial_state(self, batch: int = 1) -> FilterState:
        if batch != 1:
            raise StageError(f"the echo filter hears one microphone per state, not {batch}")
        shape = (self._partitions, HOP + 1)
        doubt = _DOUBT * np.exp(-_DECAY * np.arange(self._partitions, dtype=np.float32))
        return FilterState(
            np.zeros(shape, np.complex64),
            np.repeat(doubt[:, None], HOP + 1, axis=1),
            np.zeros(shape, np.complex64),
            np.full(HOP + 1, 1e-2, np.float32),
            np.zeros(HOP, np.float32),
        )

    def step(self, chunk: np.ndarray, state: FilterState) -> tuple[np.ndarray, FilterState]:
        """Raises InputError on another shape."""
        if chunk.shape != (2, HOP):
            raise InputError(f"the echo filter takes (2, {HOP}), microphone and reference, not {chunk.shape}")
        microphone, reference = chunk
        state.inputs[1:] = state.inputs[:-1]
        state.inputs[0] = np.fft.rfft(np.concatenate([state.reference, reference]))
        state.reference = reference.copy()
        inputs, keep = state.inputs, self._keep
        echo = np.fft.irfft(np.einsum("pf,pf->f", inputs, state.weights))[HOP:]
        left = (microphone - echo).astype(np.float32)
        error = np.fft.rfft(np.concatenate([np.zeros(HOP, np.float32), left])).astype(np.complex64)
        state.doubt = keep**2 * state.doubt + (1 - keep**2) * np.square(np.abs(state.weights))
        state.noise = 0.8 * state.noise + 0.2 * np.square(np.abs(error))
        power = np.square(np.abs(inputs))
        gain = state.doubt / (np.einsum("pf,pf->f", power, state.doubt) + 2.0 * state.noise + 1e-9)
        state.doubt = (1.0 - 0.5 * gain * power) * state.doubt
        update = np.fft.irfft(gain * np.conj(inputs) * error, axis=1)
        update[:, HOP:] = 0.0  # a partition is a filter of HOP taps: what wraps around is not of the path
        state.weights += np.fft.rfft(update, axis=1).astype(np.complex64)
        return left, state

    def flush(self, state: FilterState) -> np.ndarray:
        return np.zeros(0, np.float32)
