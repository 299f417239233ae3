"""Streaming short-time Fourier transform and its inverse, with exact reconstruction, and filters between the two.

Frames are placed on the clock by their first sample: step k of `Stft` takes samples [k hop, (k + 1) hop) and returns
the frame that ends with them. Weighted overlap-add as in Griffin and Lim (1984), "Signal estimation from modified
short-time Fourier transform", eq. 6: the synthesis window is the analysis window over the sum of its squared shifts.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError


def sqrt_hann(length: int) -> np.ndarray:
    """(length,) float32: the root of the periodic Hann window; its squares add up to one at half a window's hop."""
    return np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(length) / length)).astype(np.float32)


def dual_window(window: np.ndarray, hop: int) -> np.ndarray:
    """The synthesis window that inverts analysis with `window` (length,) at `hop`, float32.

    Raises SettingsError where shifts of the squared window leave samples (nearly) uncovered: what lies there is lost.
    """
    length = len(window)
    if not 0 < hop <= length:
        raise SettingsError(f"STFT hop must lie between 1 and the window's {length} samples, not {hop}")
    covered = np.zeros(-(-length // hop) * hop)
    covered[:length] = np.square(window, dtype=np.float64)
    sums = covered.reshape(-1, hop).sum(0)
    if sums.min() < 1e-3 * sums.max():
        raise SettingsError(
            f"STFT window of {length} samples does not overlap-add at hop {hop}: choose a smaller hop or another window"
        )
    synthesis: np.ndarray = (window / np.tile(sums, len(covered) // hop)[:length]).astype(np.float32)
    return synthesis


@dataclass(slots=True)
class StftState:
    """past: the last window - hop samples, (window - hop,) or (batch, window - hop)."""

    past: np.ndarray


class Stft:
    """Samples to spectra: a stage from `hop` samples to one frame of window // 2 + 1 bins.

    window: its length, or the analysis window itself, (n,).
    A chunk is (hop,) or (batch, hop) float32, a frame (1, bins) or (batch, 1, bins) complex64.
    """

    def __init__(self, window: int | np.ndarray = 512, hop: int = 256, sample_rate: int = SAMPLE_RATE) -> None:
        self.window = sqrt_hann(window) if isinstance(window, int) else np.asarray(window, np.float32)
        self.synthesis_window = dual_window(self.window, hop)
        self.hop = hop
        self.sample_rate = sample_rate
        self.latency = len(self.window) - hop
        self.bins = len(self.window) // 2 + 1

    def initial_state(self, batch: int = 1) -> StftState:
        return StftState(np.zeros((self.latency,) if batch == 1 else (batch, self.latency), np.float32))

    def step(self, chunk: np.ndarray, state: StftState) -> tuple[np.ndarray, StftState]:
        past = state.past.reshape(*chunk.shape[:-1], self.latency)
        segment = np.concatenate([past, chunk], axis=-1)
        return self._transform(segment[..., None, :]), StftState(segment[..., self.hop :])

    def flush(self, state: StftState) -> np.ndarray:
        """The frames that begin within the last samples and reach into the silence behind them."""
        silence = np.zeros((*state.past.shape[:-1], self._tail * self.hop), np.float32)
        return self._transform(self._segments(np.concatenate([state.past, silence], axis=-1)))

    def forward(self, signal: np.ndarray) -> np.ndarray:
        """(..., n) to (..., frames, bins): what the steps and flush return; n is rounded up to hops with silence."""
        signal = np.asarray(signal, np.float32)
        behind = -signal.shape[-1] % self.hop + self._tail * self.hop
        padding = [(0, 0)] * (signal.ndim - 1) + [(self.latency, behind)]
        return self._transform(self._segments(np.pad(signal, padding)))

    @property
    def _tail(self) -> int:
        """Frames behind the last whole hop that still contain samples of it."""
        return (len(self.window) - 1) // self.hop

    def _segments(self, signal: np.ndarray) -> np.ndarray:
        if signal.shape[-1] < len(self.window):
            return np.zeros((*signal.shape[:-1], 0, len(self.window)), np.float32)
        return np.lib.stride_tricks.sliding_window_view(signal, len(self.window), axis=-1)[..., :: self.hop, :]

    def _transform(self, segments: np.ndarray) -> np.ndarray:
        return np.fft.rfft(segments * self.window, axis=-1).astype(np.complex64, copy=False)


@dataclass(slots=True)
class IstftState:
    """tail: what earlier frames add to samples still to come, (window - hop,) or (batch, window - hop)."""

    tail: np.ndarray


class Istft:
    """Spectra to samples: the inverse of the `Stft` that it is given.

    A stage from one frame to `hop` samples, those with which the frame begins; so it adds no latency of its own, and
    behind `stft` the samples lag by `stft.latency`. `flush` returns the rest of the last frames. hop counts frames.
    """

    hop = 1
    latency = 0

    def __init__(self, stft: Stft) -> None:
        self.window = stft.synthesis_window
        self.frame_hop = stft.hop
        self.sample_rate = stft.sample_rate

    def initial_state(self, batch: int = 1) -> IstftState:
        length = len(self.window) - self.frame_hop
        return IstftState(np.zeros((length,) if batch == 1 else (batch, length), np.float32))

    def step(self, chunk: np.ndarray, state: IstftState) -> tuple[np.ndarray, IstftState]:
        """chunk: (1, bins) or (batch, 1, bins). Returns (hop samples,) or (batch, hop samples)."""
        segment = self._inverse(chunk[..., 0, :])
        segment[..., : state.tail.shape[-1]] += state.tail.reshape(*segment.shape[:-1], -1)
        return segment[..., : self.frame_hop], IstftState(segment[..., self.frame_hop :])

    def flush(self, state: IstftState) -> np.ndarray:
        return state.tail

    def forward(self, frames: np.ndarray) -> np.ndarray:
        """(..., k, bins) to (..., k hop + window - hop) float32."""
        segments = self._inverse(frames)
        count, length = segments.shape[-2:]
        signal = np.zeros((*segments.shape[:-2], (count - 1) * self.frame_hop + length), np.float32)
        for index in range(count):
            at = index * self.frame_hop
            signal[..., at : at + length] += segments[..., index, :]
        return signal

    def _inverse(self, frames: np.ndarray) -> np.ndarray:
        inverse = np.fft.irfft(frames, len(self.window), axis=-1).astype(np.float32, copy=False)
        segments: np.ndarray = inverse * self.window
        return segments


@dataclass(slots=True)
class SpectralState:
    analysis: StftState
    synthesis: IstftState


class SpectralFilter:
    """Samples to samples through a function of the spectrum: a stage of `stft.hop` samples.

    process: maps (frames, bins) complex64 to the same shape, each frame by itself, and keeps nothing.
    """

    def __init__(self, process: Callable[[np.ndarray], np.ndarray], stft: Stft | None = None) -> None:
        self.process = process
        self.stft = stft or Stft()
        self.istft = Istft(self.stft)
        self.hop = self.stft.hop
        self.latency = self.stft.latency
        self.sample_rate = self.stft.sample_rate

    def initial_state(self, batch: int = 1) -> SpectralState:
        return SpectralState(self.stft.initial_state(batch), self.istft.initial_state(batch))

    def step(self, chunk: np.ndarray, state: SpectralState) -> tuple[np.ndarray, SpectralState]:
        frame, analysis = self.stft.step(chunk, state.analysis)
        samples, synthesis = self.istft.step(self.process(frame), state.synthesis)
        return samples, SpectralState(analysis, synthesis)

    def flush(self, state: SpectralState) -> np.ndarray:
        """The last `latency` samples."""
        frames = self.process(self.stft.flush(state.analysis))
        synthesis = state.synthesis
        parts = [synthesis.tail[..., :0]]
        for index in range(frames.shape[-2]):
            samples, synthesis = self.istft.step(frames[..., index : index + 1, :], synthesis)
            parts.append(samples)
        return np.concatenate(parts, axis=-1)[..., : self.latency]

    def forward(self, signal: np.ndarray) -> np.ndarray:
        """(..., n) to (..., n), aligned."""
        filtered = self.istft.forward(self.process(self.stft.forward(signal)))
        return filtered[..., self.latency : self.latency + signal.shape[-1]]
