"""Training losses of the lite network: compressed complex and magnitude spectra, several resolutions, SI-SDR."""

from __future__ import annotations

import torch

from duplex.models.restoration.spectrum import expand, istft
from duplex.models.restoration.train.ear_loss import disturbance, intelligibility, powers

RESOLUTIONS = (256, 1024)


def waveform(parts: torch.Tensor, gain: torch.Tensor, exponent: float) -> torch.Tensor:
    """Compressed, gain-normalised spectrum (B, T, bins, 2) and gain (B, T, 1) -> (B, samples)."""
    return istft(expand(parts.float(), exponent) / gain)


def si_sdr(estimate: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Scale-invariant signal-to-distortion ratio in dB, (B,); Le Roux et al. 2019."""
    scale = (estimate * target).sum(-1, keepdim=True) / target.square().sum(-1, keepdim=True).clamp_min(1e-8)
    projected = scale * target
    noise = (estimate - projected).square().sum(-1).clamp_min(1e-10)
    return 10 * torch.log10(projected.square().sum(-1).clamp_min(1e-10) / noise)


def magnitudes(audio: torch.Tensor, size: int, exponent: float) -> torch.Tensor:
    """Compressed STFT magnitudes at a resolution of `size` samples, three quarters overlapping."""
    return (powers(audio, size, size // 4) / size + 1e-9).pow(exponent / 2)


def magnitude_loss(estimate: torch.Tensor, target: torch.Tensor) -> tuple[torch.Tensor, dict[str, float]]:
    """The loss where phase is rebuilt afterwards: compressed spectra (B, T, bins, 2), only their size counts."""
    difference = (estimate.square().sum(-1) + 1e-8).sqrt() - (target.square().sum(-1) + 1e-8).sqrt()
    loss = difference.square().mean()
    return 100 * loss, {"magnitude": float(loss.detach())}


def restoration_loss(
    estimate: torch.Tensor,
    target: torch.Tensor,
    gain: torch.Tensor,
    clean: torch.Tensor,
    exponent: float,
    by_ear: bool = False,
) -> tuple[torch.Tensor, dict[str, float]]:
    """The training loss of a batch.

    Args:
        estimate, target: compressed spectra (B, T, bins, 2), normalised by `gain`.
        gain: (B, T, 1) of the running level.
        clean: target waveform (B, samples), not normalised.
        by_ear: add how it sounds (ear_loss.py).
    """
    complex_error = (estimate - target).square().mean()
    difference = (estimate.square().sum(-1) + 1e-8).sqrt() - (target.square().sum(-1) + 1e-8).sqrt()
    magnitude_error = difference.square().mean()
    audio = waveform(estimate, gain, exponent)
    level = clean.square().mean(-1, keepdim=True).add(1e-8).rsqrt()
    resolution_error = sum(
        (magnitudes(audio * level, size, exponent) - magnitudes(clean * level, size, exponent)).square().mean()
        for size in RESOLUTIONS
    )
    ratio = si_sdr(audio, clean).clamp(-20, 30).mean()
    loss = 30 * complex_error + 70 * magnitude_error + 30 * resolution_error - 0.05 * ratio
    parts = {"complex": complex_error, "magnitude": magnitude_error, "resolutions": resolution_error, "si_sdr": ratio}
    if by_ear:
        parts["disturbance"] = disturbance(audio, clean).mean()
        parts["intelligibility"] = intelligibility(audio, clean).mean()
        loss = loss + 0.3 * parts["disturbance"] - 3 * parts["intelligibility"]
    return loss, {name: float(value.detach()) for name, value in parts.items()}
