"""Mel bands of spectra."""

from __future__ import annotations

import numpy as np


def mel_bands(sample_rate: int, fft: int, mels: int) -> np.ndarray:
    """Triangular filters on Slaney's mel scale, of equal area: (mels, fft // 2 + 1) float32.

    Linear below 1 kHz and logarithmic above (Slaney 1998, Auditory Toolbox).
    """
    step, corner, ratio = 200 / 3, 1000.0, np.log(6.4) / 27

    def to_mel(hertz: float) -> float:
        return hertz / step if hertz < corner else corner / step + np.log(hertz / corner) / ratio

    points = np.linspace(0.0, to_mel(sample_rate / 2), mels + 2)
    edges = np.where(points < corner / step, points * step, corner * np.exp(ratio * (points - corner / step)))
    bins = np.linspace(0, sample_rate / 2, fft // 2 + 1)
    slopes = (edges[:, None] - bins[None, :]) / np.diff(edges, append=np.inf)[:, None]
    rising = -slopes[:-2]
    falling = (edges[2:, None] - bins[None, :]) / np.diff(edges)[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    return (filters * (2.0 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)
