"""What DeepFilterNet hears of a spectrum (Schröter et al. 2022, "DeepFilterNet: a low complexity speech enhancement
framework for full-band audio based on deep filtering"; 2023, "DeepFilterNet: perceptually motivated real-time speech
enhancement").
"""

from __future__ import annotations

import numpy as np

FORGETTING = np.float32(0.99)
"""Of the running means, a frame: a time constant of 1 s at 100 frames a second, rounded as in training."""

_EAR = 24.7 * 9.265  # Hz: where the ERB scale goes over from linear to logarithmic


def erb_widths(bins: int, bands: int, sample_rate: int, narrowest: int) -> np.ndarray:
    """Bins in each of `bands` bands of equal width on the ERB scale from 0 to `sample_rate` / 2, (bands,) int.

    narrowest: bins that a band has at least; what it takes for that, the bands above it lack.
    """
    nyquist = sample_rate / 2
    top = np.log1p(nyquist / _EAR)
    edges = _EAR * np.expm1(top * np.arange(1, bands + 1) / bands)
    ends = np.floor(edges / nyquist * (bins - 1) + 0.5).astype(int)
    widths, at, owed = [], 0, 0
    for end in ends:
        width = max(end - at - owed, narrowest)
        owed = width - (end - at - owed)
        widths.append(width)
        at = end
    widths[-1] += bins - sum(widths)
    return np.array(widths)


def first_levels(bands: int) -> np.ndarray:
    """Running means that bands begin with, in dB, (bands,) float32."""
    return np.linspace(-60, -90, bands, dtype=np.float32)


def first_magnitudes(bins: int) -> np.ndarray:
    """Running means that magnitudes begin with, (bins,) float32."""
    return np.linspace(1e-3, 1e-4, bins, dtype=np.float32)


def band_levels(power: np.ndarray, starts: np.ndarray, widths: np.ndarray) -> np.ndarray:
    """Mean power of each band in dB, (bands,) float32. power: (bins,) or less, the bands above it are silent."""
    sums = np.zeros(len(starts), np.float32)
    inside = starts < len(power)
    sums[inside] = np.add.reduceat(power, starts[inside])
    return (10 * np.log10(sums / widths + 1e-10)).astype(np.float32)


def running_mean(now: np.ndarray, before: np.ndarray) -> np.ndarray:
    mean: np.ndarray = now * (1 - FORGETTING) + before * FORGETTING
    return mean
