"""A training loss close to the ear: how much louder or softer than it should be a recording sounds, band by band.

After the perceptual model of PESQ (ITU-T P.862, section 10.2) as a differentiable term (Martín-Doñas et al. 2018, "A
deep learning loss function based on the perceptual evaluation of the speech quality"), without its alignment of time.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from duplex.models.restoration.config import SAMPLE_RATE

WINDOW, HOP, BANDS = 512, 256, 49
SPEECH_LEVEL = 83.6
"""Sound pressure level in dB that the clean recording is taken to have."""
LOUDNESS = 0.1866
"""Of Zwicker's law, so that 40 dB at 1 kHz are one sone."""
EXPONENT = 0.23
SYMMETRIC, ASYMMETRIC = 0.1, 0.0309
"""What a disturbance takes from the score; what was added counts by itself once more."""
LARGEST = 45.0
ENVELOPE_WINDOW, SEGMENT = 400, 30
"""Samples, and frames of half as many that are compared at a time: 0.4 s."""


@lru_cache
def _bands() -> tuple[np.ndarray, ...]:
    """(bins, 49) of the power in each band, and of the bands: thresholds of hearing, exponents, widths in Bark."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)
    bark = 13 * np.arctan(0.00076 * frequencies) + 3.5 * np.arctan((frequencies / 7500) ** 2)
    place = np.minimum(bark / bark[-1] * BANDS, BANDS - 1).astype(int)
    sums = np.zeros((len(frequencies), BANDS), np.float32)
    sums[np.arange(1, len(place)), place[1:]] = 1
    used = sums.any(0)
    sums = sums[:, used]
    middle = (sums * frequencies[:, None]).sum(0) / sums.sum(0) / 1000
    threshold = 3.64 * middle**-0.8 - 6.5 * np.exp(-0.6 * (middle - 3.3) ** 2) + 1e-3 * middle**4
    centre = (sums * bark[:, None]).sum(0) / sums.sum(0)
    exponents = EXPONENT * np.where(centre < 4, np.minimum(6 / (centre + 2), 2) ** 0.15, 1)
    edges = np.concatenate([[0], (centre[1:] + centre[:-1]) / 2, [bark[-1]]])
    return tuple(each.astype(np.float32) for each in (sums, 10 ** (threshold / 10), exponents, np.diff(edges)))


def powers(audio: Tensor, window: int, hop: int, size: int | None = None) -> Tensor:
    """(B, samples) -> (B, frames, bins) through Hann windows, filled up to `size` where that is given."""
    frames = audio.unfold(-1, window, hop) * torch.hann_window(window).to(audio)
    return torch.view_as_real(torch.fft.rfft(frames, n=size)).square().sum(-1)


def disturbance(estimate: Tensor, clean: Tensor) -> Tensor:
    """(B, samples) at 16 kHz twice -> (B,): what the differences take from PESQ's raw score of 4.5, about."""
    sums, threshold, exponents, widths = (torch.from_numpy(each).to(clean) for each in _bands())
    gain = (10 ** (SPEECH_LEVEL / 10) / clean.square().mean(-1, keepdim=True).clamp_min(1e-8)).sqrt()
    unit = 2 / (0.375 * WINDOW**2)  # so that a sine of unit power has about one
    heard, wanted = (powers(each * gain, WINDOW, HOP) @ sums * unit for each in (estimate, clean))

    def loudness(power: Tensor) -> Tensor:
        grown = (0.5 + 0.5 * power / threshold) ** exponents - 1
        return functional.relu(LOUDNESS * (threshold / 0.5) ** exponents * grown)

    is_loud, should = loudness(heard), loudness(wanted)
    difference = (is_loud - should).abs() - 0.25 * torch.minimum(is_loud, should)
    difference = functional.relu(difference)
    added = ((heard + 50) / (wanted + 50)) ** 1.2
    added = torch.where(added < 3, torch.zeros_like(added), added.clamp(max=12))
    weight = ((wanted.sum(-1) + 1e5) / 1e7) ** 0.04
    total = widths.sum()
    symmetric = ((difference * widths).square().sum(-1) / total + 1e-8).sqrt() * total
    asymmetric = (difference * added * widths).sum(-1)
    frames = [(each / weight).clamp(max=LARGEST) for each in (symmetric, asymmetric)]
    means = [(each.square().mean(-1) + 1e-8).sqrt() for each in frames]
    return SYMMETRIC * means[0] + ASYMMETRIC * means[1]


def intelligibility(estimate: Tensor, clean: Tensor) -> Tensor:
    """(B, samples) at 16 kHz twice -> (B,), 1 at best: how alike the envelopes of third octaves are.

    After ESTOI (Jensen and Taal 2016, "An algorithm for predicting the intelligibility of speech masked by modulated
    noise maskers"), at 16 kHz and with pauses weighed down in place of cut out.
    """
    octaves = torch.from_numpy(_third_octaves()).to(clean)
    heard, wanted = (_envelopes(each, octaves) for each in (estimate, clean))
    energy = wanted.square().sum(-1)
    spoken = (energy > 1e-4 * energy.amax(-1, keepdim=True)).float()
    weight = spoken.unfold(-1, SEGMENT, SEGMENT // 3).mean(-1).square()
    alike = (_normalised(heard) * _normalised(wanted)).sum((-1, -2)) / SEGMENT
    return (alike * weight).sum(-1) / weight.sum(-1).clamp_min(1e-3)


def _envelopes(audio: Tensor, octaves: Tensor) -> Tensor:
    """(B, samples) -> (B, frames, 15)."""
    return (powers(audio, ENVELOPE_WINDOW, ENVELOPE_WINDOW // 2, WINDOW) @ octaves + 1e-8).sqrt()


def _normalised(envelopes: Tensor) -> Tensor:
    """(B, frames, 15) -> (B, segments, 15, 30): mean zero, length one, of each band over time, then of each frame."""
    segments = envelopes.unfold(1, SEGMENT, SEGMENT // 3)
    for axis in (-1, -2):
        segments = segments - segments.mean(axis, keepdim=True)
        segments = segments / (segments.square().sum(axis, keepdim=True) + 1e-8).sqrt()
    return segments


@lru_cache
def _third_octaves() -> np.ndarray:
    """(bins, 15) float32: which bin is in which third octave, from 150 Hz."""
    frequencies = np.fft.rfftfreq(WINDOW, 1 / SAMPLE_RATE)[:, None]
    centres = 150 * 2 ** (np.arange(15) / 3)
    inside = (frequencies >= centres * 2 ** (-1 / 6)) & (frequencies < centres * 2 ** (1 / 6))
    return inside.astype(np.float32)
