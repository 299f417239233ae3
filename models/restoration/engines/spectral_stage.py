"""Networks that restore one spectrum at a time, as a stage from samples to samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from duplex.models.restoration.engines.level import Level
from duplex.models.restoration.stage import check_single, finite_block, flushed
from duplex.streaming.stft import Istft, IstftState, Stft, StftState


class SpectralNetwork(Protocol):
    """Restores spectra in turn.

    Attributes:
        window: of analysis, (n,) float32; its squares add up to one at `hop`.
        hop: in samples at `sample_rate`, in Hz.
        delay: frames that the spectrum which `step` returns lies behind the one that it is given.
    """

    window: np.ndarray
    hop: int
    sample_rate: int
    delay: int

    def initial_state(self) -> Any: ...

    def step(self, spectrum: np.ndarray, state: Any) -> tuple[np.ndarray, Any]:
        """spectrum (n // 2 + 1,) complex64, unscaled, -> one restored, and the new state. `state` stays as it was."""
        ...


@dataclass(frozen=True, slots=True)
class SpectralStageState:
    """What the stage remembers; its size never changes.

    Attributes:
        level: of what was heard.
        gains: of the frames that the network still has to give back, (delay,).
        analysis, synthesis, network: of the transform, its inverse and the network.
    """

    level: Level
    gains: tuple[float, ...]
    analysis: StftState
    synthesis: IstftState
    network: Any


class SpectralStage:
    """Obeys `duplex.streaming.stage.Stage` for a batch of one. The network hears speech of any level at one level."""

    def __init__(self, network: SpectralNetwork) -> None:
        self._network = network
        self._stft = Stft(network.window, network.hop, network.sample_rate)
        self._istft = Istft(self._stft)
        self.hop = network.hop
        self.sample_rate = network.sample_rate
        self.latency = self._stft.latency + network.delay * network.hop

    def initial_state(self, batch: int = 1) -> SpectralStageState:
        check_single(batch)
        gains = (1.0,) * self._network.delay
        return SpectralStageState(
            Level(), gains, self._stft.initial_state(), self._istft.initial_state(), self._network.initial_state()
        )

    def step(self, chunk: np.ndarray, state: SpectralStageState) -> tuple[np.ndarray, SpectralStageState]:
        """chunk (hop,) float32 -> the samples `latency` before it, restored, and the new state. Raises InputError."""
        block = finite_block(chunk, self.hop)
        level = state.level.after(block, self.sample_rate)
        gain, *gains = *state.gains, level.gain
        frames, analysis = self._stft.step(block, state.analysis)
        restored, network = self._network.step(frames[0] * np.float32(level.gain), state.network)
        samples, synthesis = self._istft.step(restored[None] / np.float32(gain), state.synthesis)
        return samples, SpectralStageState(level, tuple(gains), analysis, synthesis, network)

    def flush(self, state: SpectralStageState) -> np.ndarray:
        """The last `latency` samples."""
        return flushed(self, state)
