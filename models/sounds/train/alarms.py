"""Alarms and sirens made from nothing: patterns that standards and practice fix, in timbres of cheap sounders.

The three and four pulses of smoke and carbon monoxide alarms are those of ISO 8201 and NFPA 72; sirens wail, yelp or
alternate between two tones.
"""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE


def alarm(length: int, rng: np.random.Generator) -> np.ndarray:
    """(length,) float32, peak about 1, of a kind that is drawn."""
    kinds = (smoke_alarm, carbon_monoxide_alarm, beeps, wail, two_tone)
    kind = kinds[int(rng.choice(len(kinds), p=[0.35, 0.1, 0.2, 0.2, 0.15]))]
    return kind(length, rng)


def smoke_alarm(length: int, rng: np.random.Generator) -> np.ndarray:
    """Three pulses of half a second, then a pause, at 2.7 to 3.5 kHz, or at 520 Hz for those who hear no highs."""
    low = rng.random() < 0.2
    tone = _tone(np.full(length, rng.uniform(505, 535) if low else rng.uniform(2700, 3500)), rng, square=low)
    pulse = rng.uniform(0.35, 0.6)
    starts = [0, pulse * 2, pulse * 4] if rng.random() < 0.8 else np.arange(6) * pulse
    return tone * _gate(length, starts, pulse, 4 * pulse + pulse + rng.uniform(1.0, 1.8), rng)


def carbon_monoxide_alarm(length: int, rng: np.random.Generator) -> np.ndarray:
    """Four short pulses, then a pause of seconds."""
    tone = _tone(np.full(length, rng.uniform(2700, 3500)), rng)
    return tone * _gate(length, np.arange(4) * 0.2, 0.1, rng.uniform(2.5, 5.5), rng)


def beeps(length: int, rng: np.random.Generator) -> np.ndarray:
    """An alarm clock: quick groups of beeps at 1 to 3 kHz, or one buzz after another."""
    tone = _tone(np.full(length, rng.uniform(900, 3000)), rng, square=rng.random() < 0.5)
    pulse, count = rng.uniform(0.05, 0.25), int(rng.integers(1, 6))
    period = 2 * pulse * count + rng.uniform(0.1, 0.8)
    return tone * _gate(length, np.arange(count) * 2 * pulse, pulse, period, rng)


def wail(length: int, rng: np.random.Generator) -> np.ndarray:
    """A siren that rises and falls between 400 and 1800 Hz, slowly (wail) or a few times a second (yelp)."""
    rate = rng.uniform(0.1, 0.5) if rng.random() < 0.6 else rng.uniform(1.5, 4.5)
    phase = (np.arange(length) / SAMPLE_RATE * rate + rng.random()) % 1.0
    rise = rng.uniform(0.3, 0.9)
    shape = np.where(phase < rise, phase / rise, (1.0 - phase) / (1.0 - rise))
    low, high = rng.uniform(350, 800), rng.uniform(1000, 1800)
    return _tone(low * (high / low) ** shape, rng, square=rng.random() < 0.3)


def two_tone(length: int, rng: np.random.Generator) -> np.ndarray:
    """Two tones by turns, as of an ambulance in Europe or of a sounder in a house."""
    low = rng.uniform(380, 900)
    high = low * rng.uniform(1.15, 1.5)
    period = rng.uniform(0.4, 1.6)
    second = (np.arange(length) / SAMPLE_RATE / period + rng.random()) % 1.0 > 0.5
    return _tone(np.where(second, high, low), rng, square=rng.random() < 0.4)


def _tone(frequencies: np.ndarray, rng: np.random.Generator, square: bool = False) -> np.ndarray:
    """Some harmonics of a frequency that moves, (n,) float32."""
    phase = 2 * np.pi * np.cumsum(frequencies) / SAMPLE_RATE
    out = np.sin(phase)
    for harmonic in range(2, 7):
        if frequencies.max() * harmonic >= SAMPLE_RATE / 2:
            break
        strength = (harmonic % 2) / harmonic if square else rng.uniform(0, 0.5) / harmonic
        out = out + strength * np.sin(harmonic * phase)
    return (out / np.abs(out).max()).astype(np.float32)


def _gate(length: int, starts, pulse: float, period: float, rng: np.random.Generator) -> np.ndarray:
    """1 for `pulse` seconds from each of `starts` in every `period`, with ramps of 3 ms, beginning anywhere in it."""
    at = (np.arange(length) / SAMPLE_RATE + rng.uniform(0, period)) % period
    ramp = 0.003
    gates = [np.clip(np.minimum((at - start) / ramp, (start + pulse - at) / ramp), 0, 1) for start in starts]
    return np.max(gates, axis=0).astype(np.float32)
