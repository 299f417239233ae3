"""The spectral front end of the lite network: square-root Hann STFT, causal running gain, amplitude compression.

Each function has a PyTorch form for whole signals (training) and a NumPy form for one frame (the live stage); both
compute the same numbers (tests/models/restoration/test_spectrum.py).

Frame n covers samples [256 (n − 1), 256 (n + 1)): the block that has just arrived and the one before it. The Nyquist
bin is dropped and comes back as zero.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.streaming.mel import mel_bands
from duplex.streaming.stft import sqrt_hann

if TYPE_CHECKING:
    import torch

GAIN_FRAMES = 188  # 3 s: after that many frames the running level forgets exponentially
FLOOR = 1e-5  # −100 dBFS: the level of a frame counts as at least this, so that silence is not raised
TINY = 1e-12
NEGLIGIBLE = 1e-9
MELS = 80


@lru_cache
def _gain_matrix(frames: int) -> np.ndarray:
    """Row n holds the weights of frame energies 0…n in the running level at frame n, (frames, frames) float32."""
    matrix = np.zeros((frames, frames))
    row = np.zeros(frames)
    for n in range(frames):
        share = 1 / min(n + 1, GAIN_FRAMES)
        row = row * (1 - share)
        row[n] = share
        matrix[n] = row
    return matrix.astype(np.float32)


def stft(audio: torch.Tensor, size: int) -> torch.Tensor:
    """audio (B, n hops) -> (B, n + 1, size/2) complex64, orthonormal, Nyquist dropped; the last frame is the flush."""
    import torch

    hop = size // 2
    padded = torch.nn.functional.pad(audio, (hop, hop))
    frames = padded.unfold(-1, size, hop) * torch.from_numpy(sqrt_hann(size)).to(audio)
    return torch.fft.rfft(frames, norm="ortho")[..., :-1]


def istft(spectrum: torch.Tensor) -> torch.Tensor:
    """(B, n + 1, bins) complex64 -> (B, n hops): the inverse of `stft`."""
    import torch

    size = 2 * spectrum.shape[-1]
    hop = spectrum.shape[-1]
    frames = torch.fft.irfft(torch.nn.functional.pad(spectrum, (0, 1)), n=size, norm="ortho")
    frames = frames * torch.from_numpy(sqrt_hann(size)).to(frames)
    return (frames[:, 1:, :hop] + frames[:, :-1, hop:]).flatten(1)


def running_gain(spectrum: torch.Tensor) -> torch.Tensor:
    """Gain that brings the running level to one, (B, frames, 1) float32: mean power so far, over 3 s at most."""
    import torch

    power = spectrum.abs().square().mean(-1).clamp_min(FLOOR**2)
    matrix = torch.from_numpy(_gain_matrix(power.shape[1])).to(power)
    return (power @ matrix.T).rsqrt()[..., None]


def compress(spectrum: torch.Tensor, exponent: float) -> torch.Tensor:
    """Complex (…, bins) -> (…, bins, 2) real, amplitude raised to `exponent`."""
    import torch

    parts = torch.view_as_real(spectrum)
    return parts * (parts.square().sum(-1, keepdim=True) + TINY).pow((exponent - 1) / 2)


def mel_only(spectrum: torch.Tensor) -> torch.Tensor:
    """What 80 mel bands keep of a spectrum (…, bins): magnitudes by the pseudo-inverse, phase zero, complex64."""
    import torch

    projection = torch.from_numpy(mel_projection(spectrum.shape[-1] + 1)).to(spectrum.device)
    return (spectrum.abs() @ projection.T).clamp_min(0).to(spectrum.dtype)


def expand(parts: torch.Tensor, exponent: float) -> torch.Tensor:
    """The inverse of `compress`."""
    import torch

    scaled = parts * (parts.square().sum(-1, keepdim=True) + TINY).pow((1 / exponent - 1) / 2)
    return torch.view_as_complex(scaled.contiguous())


def soften(restored: torch.Tensor, heard: torch.Tensor, generated: float) -> torch.Tensor:
    """Complex (…, bins): what `restored` has beyond the amplitude of `heard` is scaled by `generated`."""
    share = (heard.abs() / (restored.abs() + NEGLIGIBLE)).clamp(max=1)
    return restored * (generated + (1 - generated) * share)


def soften_frame(restored: np.ndarray, heard: np.ndarray, generated: float) -> np.ndarray:
    """`soften` for one frame in NumPy."""
    share = np.minimum(np.abs(heard) / (np.abs(restored) + np.float32(NEGLIGIBLE)), 1)
    return restored * (np.float32(generated) + np.float32(1 - generated) * share)


def compress_frame(spectrum: np.ndarray, exponent: float) -> np.ndarray:
    """`compress` for one frame in NumPy: (bins,) complex64 -> (bins, 2) float32."""
    parts = spectrum.view(np.float32).reshape(-1, 2)
    return parts * ((parts**2).sum(-1, keepdims=True) + np.float32(TINY)) ** np.float32((exponent - 1) / 2)


def expand_frame(parts: np.ndarray, exponent: float) -> np.ndarray:
    """`expand` for one frame in NumPy: (bins, 2) float32 -> (bins,) complex64."""
    scaled = parts * ((parts**2).sum(-1, keepdims=True) + np.float32(TINY)) ** np.float32((1 / exponent - 1) / 2)
    return np.ascontiguousarray(scaled).view(np.complex64)[:, 0]


def next_level(spectrum: np.ndarray, level: float, frames: int) -> float:
    """The running mean power after one more frame (bins,) complex64; `frames` have been seen before it."""
    power = max(float(np.mean(np.abs(spectrum) ** 2)), FLOOR**2)
    share = 1 / min(frames + 1, GAIN_FRAMES)
    return level + share * (power - level)


@lru_cache
def mel_projection(bins: int) -> np.ndarray:
    """Mel bands and back: magnitudes through the filters and their pseudo-inverse, Nyquist left out, (bins − 1,)²."""
    filters = mel_bands(SAMPLE_RATE, 2 * (bins - 1), MELS)
    return (np.linalg.pinv(filters.astype(np.float64)) @ filters)[:-1, :-1].astype(np.float32)


def through_mel(magnitudes: np.ndarray) -> np.ndarray:
    """Magnitudes (bins,) as they come back from 80 mel bands by the pseudo-inverse, negative values cut off."""
    return np.maximum(mel_projection(len(magnitudes) + 1) @ magnitudes, 0)
