"""Log-mel features that the input's level cannot change, causal.

Two planes. In the first a frame is compared to the level of the last seconds (a gain that is bounded, so that silence
stays silent); in the second each band is compared to its own mean of the last seconds, which takes out the microphone's
colour and steady noise, as per-channel energy normalization does (Wang et al. 2017, arXiv 1607.05666).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.models.sounds.config import TaggerConfig
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.mel import mel_bands

_BURIED = 1e-6  # of the level: what lies 60 dB below it is not told apart
_SCALE = 4.0  # nepers (of power) to about one


@dataclass(slots=True)
class FeatureState:
    """before: the last samples, which the next window reaches back to. level, level_weight: running sums of the power
    and of the weights; colour, colour_weight: of each band's logarithm."""

    before: np.ndarray
    level: float
    level_weight: float
    colour: np.ndarray
    colour_weight: float


class Features:
    """A stage from one block (6400 samples) to (2, frames, mels) float32. A frame's window ends with the frame."""

    def __init__(self, config: TaggerConfig) -> None:
        self.config = config
        self.hop = config.frames * config.hop
        self.latency = 0
        self.sample_rate = SAMPLE_RATE
        turn = np.arange(config.window) / config.window
        self._window = (0.5 - 0.5 * np.cos(2 * np.pi * turn)).astype(np.float32)
        bands = mel_bands(SAMPLE_RATE, config.fft, config.mels).T
        self._bands = (bands / bands.sum(0) / np.square(self._window).sum()).astype(np.float32)
        """White noise of power p has power p in each band."""
        self._quietest = 10 ** (config.quietest / 10)
        self._level_sums = _Decaying(config.frames, config.level_seconds * SAMPLE_RATE / config.hop)
        self._colour_sums = _Decaying(config.frames, config.colour_seconds * SAMPLE_RATE / config.hop)

    def initial_state(self, batch: int = 1) -> FeatureState:
        config = self.config
        return FeatureState(
            np.zeros(config.window - config.hop, np.float32), 0.0, 0.0, np.zeros(config.mels, np.float64), 0.0
        )

    def step(self, chunk: np.ndarray, state: FeatureState) -> tuple[np.ndarray, FeatureState]:
        """chunk: (6400,) float32."""
        joined = np.concatenate([state.before, chunk])
        state.before = joined[len(chunk) :].copy()
        return self._compared(self._band_powers(joined), state), state

    def flush(self, state: FeatureState) -> np.ndarray:
        """Nothing: a frame is complete with its last sample."""
        return np.zeros((2, 0, self.config.mels), np.float32)

    def forward(self, samples: np.ndarray) -> np.ndarray:
        """(n,) of whole blocks to (2, frames, mels)."""
        state, frames = self.initial_state(), self.config.frames
        powers = self._band_powers(np.concatenate([state.before, samples]))
        blocks = [self._compared(powers[at : at + frames], state) for at in range(0, len(powers), frames)]
        return np.concatenate(blocks, axis=1)

    def _band_powers(self, samples: np.ndarray) -> np.ndarray:
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.config.window)[:: self.config.hop]
        spectrum = np.fft.rfft(windows * self._window, self.config.fft, axis=1)
        return (np.square(spectrum.real) + np.square(spectrum.imag)).astype(np.float32) @ self._bands

    def _compared(self, powers: np.ndarray, state: FeatureState) -> np.ndarray:
        """A block's band powers (frames, mels) against the level and the colour, which they change."""
        ones = np.ones(len(powers))
        levels = self._level_sums.after(powers.mean(1), state.level)
        level_weights = self._level_sums.after(ones, state.level_weight)
        level = np.maximum(levels / level_weights, self._quietest).astype(np.float32)[:, None]
        logarithms = np.log(powers + _BURIED * level)
        colours = self._colour_sums.after(logarithms, state.colour)
        colour_weights = self._colour_sums.after(ones, state.colour_weight)
        state.level, state.level_weight = levels[-1], level_weights[-1]
        state.colour, state.colour_weight = colours[-1], colour_weights[-1]
        against_level = (logarithms - np.log(level)) / _SCALE + 1.0
        against_colour = (logarithms - colours / colour_weights[:, None]) / _SCALE
        return np.stack([against_level, against_colour]).astype(np.float32)


class _Decaying:
    """Sums of a block's frames in which each frame counts less by a factor the older it is."""

    def __init__(self, frames: int, time_constant: float) -> None:
        decay = np.exp(-1.0 / time_constant)
        ages = np.arange(frames)[:, None] - np.arange(frames)[None, :]
        self._within = np.where(ages >= 0, decay ** np.maximum(ages, 0), 0.0)
        self._carried = decay ** np.arange(1, frames + 1)

    def after(self, values: np.ndarray, before: float | np.ndarray) -> np.ndarray:
        """The sum after each of `values` (frames, ...), when it was `before`."""
        carried = self._carried.reshape(-1, *[1] * (values.ndim - 1))
        return self._within @ values + carried * before
