"""Log-mel features without their running mean, spliced and thinned to ten frames a second (LS-EEND, section II-A)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.models.diarization.config import DiarizationConfig
from duplex.streaming.mel import mel_bands


@dataclass(slots=True)
class FeatureState:
    """pending: samples not yet used, the first of them `window // 2` before the next feature's middle. held: log-mel
    frames for the splice. total: their sum. count: features heard. weight: of what was heard before the stream, in the
    running mean. started: frames given."""

    pending: np.ndarray
    held: np.ndarray
    total: np.ndarray
    count: int = 0
    weight: int = 0
    started: int = 0


class Features:
    """A stage from samples to network inputs: `subsampling` hops in, (frames, splice) float32 out.

    Feature k is centred on sample k * hop. Frame i is spliced around feature i * subsampling + phase, so it is complete
    when `latency` samples after its own end have come.
    """

    def __init__(self, config: DiarizationConfig) -> None:
        self.config = config
        self.hop = config.hop * config.subsampling
        self.sample_rate = config.sample_rate
        reach = config.phase + config.context - config.subsampling
        self.latency = max(0, reach * config.hop + config.window // 2)
        self._bands = mel_bands(config.sample_rate, config.fft, config.mels).T.copy()
        turn = np.arange(config.window) / config.window
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * turn)).astype(np.float32)

    def initial_state(self, batch: int = 1) -> FeatureState:
        config = self.config
        before = max(config.context - config.phase, 0)
        return FeatureState(
            np.zeros(config.window // 2, np.float32),
            np.zeros((before, config.mels), np.float32),
            np.zeros(config.mels),
        )

    def step(self, chunk: np.ndarray, state: FeatureState) -> tuple[np.ndarray, FeatureState]:
        """chunk: (n,) float32 of any length. Returns the frames that are complete."""
        state.pending = np.concatenate([state.pending, chunk])
        logmel = self.log_mel(state.pending)
        state.pending = state.pending[len(logmel) * self.config.hop :]
        return self.splice(self.without_mean(logmel, state), state), state

    def flush(self, state: FeatureState) -> np.ndarray:
        """The frames that begin in what has been heard, silence assumed after it."""
        config = self.config
        heard = state.count * config.hop + len(state.pending) - config.window // 2
        wanted = -(-heard // self.hop) - state.started
        if wanted <= 0:
            return np.zeros((0, config.splice), np.float32)
        silence = np.zeros(self.hop + self.latency + config.window, np.float32)
        frames, _ = self.step(silence, state)
        return frames[:wanted]

    def forward(self, samples: np.ndarray) -> np.ndarray:
        """(n,) to (ceil(n / hop), splice)."""
        state = self.initial_state()
        first, state = self.step(samples, state)
        return np.concatenate([first, self.flush(state)])

    def log_mel(self, samples: np.ndarray) -> np.ndarray:
        """(n,), beginning half a window before the first feature's middle, to (features, mels)."""
        config = self.config
        count = (len(samples) - config.window) // config.hop + 1
        if count <= 0:
            return np.zeros((0, config.mels), np.float32)
        windows = np.lib.stride_tricks.sliding_window_view(samples, config.window)[:: config.hop][:count]
        spectrum = np.fft.rfft(windows * self._window, config.fft, axis=1)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        return np.log10(np.maximum(power @ self._bands, config.floor))

    def without_mean(self, logmel: np.ndarray, state: FeatureState) -> np.ndarray:
        """Less the mean of everything heard so far."""
        sums = state.total + np.cumsum(logmel, axis=0, dtype=np.float64)
        counts = state.weight + state.count + np.arange(1, len(logmel) + 1)
        if len(logmel):
            state.total = sums[-1]
            state.count += len(logmel)
        return (logmel - sums / counts[:, None]).astype(np.float32)

    def splice(self, features: np.ndarray, state: FeatureState) -> np.ndarray:
        """Features (n, mels) without their mean to the frames that are complete."""
        config = self.config
        state.held = np.concatenate([state.held, features])
        width = 2 * config.context + 1
        count = max(0, (len(state.held) - width) // config.subsampling + 1)
        starts = np.arange(count) * config.subsampling
        frames = state.held[starts[:, None] + np.arange(width)].reshape(count, config.splice)
        state.held = state.held[count * config.subsampling :]
        state.started += count
        return frames
