"""Speech as codecs of low rates leave it: real ones, and an imitation of those that synthesize (Lyra, Codec 2).

These send a spectral envelope and make speech from it: fine structure is smoothed, steps of quantisation are heard, and
the phase is the decoder's own, the less like the speaker's the higher the frequency.
"""

from __future__ import annotations

import numpy as np
from scipy import signal

from duplex.models.corpora.codecs import degrade_through_random_codec
from duplex.models.restoration.config import SAMPLE_RATE

SYNTHESIZED = 0.2  # share of the coded speech that is imitated
WINDOW, HOP = 512, 128


def degrade(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` (n,) float32 through one of the codecs at one of its low rates, or the imitation of one."""
    return synthesized(audio, rng) if rng.random() < SYNTHESIZED else degrade_through_random_codec(audio, rng)


def synthesized(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` (n,) float32 from some 30 to 80 band levels in steps of a few dB, with phases partly of its own."""
    frequency, _, spectrum = signal.stft(audio, SAMPLE_RATE, nperseg=WINDOW, noverlap=WINDOW - HOP)
    bands = int(rng.integers(30, 81))
    place = np.minimum(np.log1p(frequency / 700) / np.log1p(SAMPLE_RATE / 2 / 700) * bands, bands - 1).astype(int)
    members = np.bincount(place, minlength=bands)[:, None]
    power = np.zeros((bands, spectrum.shape[1]))
    np.add.at(power, place, np.abs(spectrum) ** 2)
    step = rng.uniform(0.5, 4.0)
    levels = np.round(10 * np.log10(power / np.maximum(members, 1) + 1e-10) / step) * step
    smooth = (10 ** (levels / 20))[place]
    fine = rng.uniform(0.0, 0.6)  # how much of the harmonics within a band is left
    magnitudes = smooth ** (1 - fine) * np.abs(spectrum) ** fine
    doubt = np.clip(frequency / rng.uniform(1500, 6000), 0, 1)[:, None] * rng.uniform(0.3, 1.0)
    wander = np.cumsum(rng.normal(0, 0.4, spectrum.shape), axis=1) + rng.uniform(-np.pi, np.pi, (len(frequency), 1))
    phases = np.angle(spectrum) + doubt * wander
    _, out = signal.istft(magnitudes * np.exp(1j * phases), SAMPLE_RATE, nperseg=WINDOW, noverlap=WINDOW - HOP)
    return np.pad(out, (0, max(0, len(audio) - len(out))))[: len(audio)].astype(np.float32)
