"""Log-mel features as Kaldi computes them (compute-fbank-feats, Povey et al. 2011), which speaker networks were trained
on."""

from __future__ import annotations

from functools import cache

import numpy as np

HOP, WINDOW = 160, 400
"""Samples at 16 kHz: 10 and 25 ms."""

_FFT = 512
_RATE = 16_000
_LOWEST = 20.0
"""Hertz, of the bands."""
_PREEMPHASIS = 0.97
_SCALE = 32_768.0
"""Kaldi's samples are 16-bit integers."""
_FLOOR = float(np.finfo(np.float32).eps)


def fbank(samples: np.ndarray, mels: int = 80) -> np.ndarray:
    """(n,) float32 at 16 kHz to (1 + (n - 400) // 160, mels), none if n < 400. Frame i begins at sample 160 i.

    Without dither, and with the sums of the power spectrum under triangles of equal height on the mel scale.
    """
    if len(samples) < WINDOW:
        return np.zeros((0, mels), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP] * np.float32(_SCALE)
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    spectrum = np.fft.rfft((frames - _PREEMPHASIS * before) * _window(), _FFT, axis=1)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return np.log(np.maximum(power @ _bands(mels), _FLOOR))


@cache
def _window() -> np.ndarray:
    """Povey's: Hann to the power of 0.85."""
    turn = 2 * np.pi * np.arange(WINDOW) / (WINDOW - 1)
    return ((0.5 - 0.5 * np.cos(turn)) ** 0.85).astype(np.float32)


@cache
def _bands(mels: int) -> np.ndarray:
    """(257, mels): triangles between places that are equally far apart on HTK's mel scale."""

    def mel(hertz: np.ndarray | float) -> np.ndarray:
        return 1127.0 * np.log(1.0 + np.asarray(hertz) / 700.0)

    edges = np.linspace(mel(_LOWEST), mel(_RATE / 2), mels + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * _RATE / _FFT)[:, None]
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return np.maximum(0.0, np.minimum(rising, falling)).astype(np.float32)
