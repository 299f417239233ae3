"""Coughs, throat clears, knocks, clicks and typing, made by small physical models: free to ship, the same every time.

They are stand-ins where no openly licensed recording was at hand. A cough is a source-filter model: each pulse is an
explosive burst of turbulence, a weaker stretch of it, and (in some coughs) a voiced end (Korpas et al., "Analysis of
the cough sound: an overview", Pulm. Pharmacol. 9, 1996), through an open vocal tract. Impacts are damped modes (van den
Doel and Pai, "The sounds of physical shapes", Presence 7, 1998).
"""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

TRACT = ((700.0, 130.0), (1350.0, 170.0), (2600.0, 250.0), (3700.0, 350.0), (5000.0, 500.0), (6400.0, 700.0))
"""Formants and bandwidths, Hz: a wide-open mouth."""


def cough(rng: np.random.Generator, *, pulses: int, pitch: float, voiced: float, size: float = 1.0) -> np.ndarray:
    """(n,) float. pitch: Hz of the voiced end. voiced: its share, 0 to 1. size: of the vocal tract, 1 for a man's."""
    bursts = []
    for index in range(pulses):
        strength = 0.75**index * rng.uniform(0.85, 1.1)
        explosive = _turbulence(rng, 0.07, attack=0.004, decay=0.03)
        between = 0.3 * _turbulence(rng, rng.uniform(0.10, 0.16), attack=0.02, decay=0.09)
        ending = voiced * _voice(rng, rng.uniform(0.08, 0.13), pitch * rng.uniform(0.95, 1.05), fall=0.25)
        pause = np.zeros(int(rng.uniform(0.06, 0.14) * SAMPLE_RATE))
        bursts += [strength * explosive, strength * between, strength * ending, pause]
    return _through_tract(np.concatenate(bursts), size)


def throat_clear(rng: np.random.Generator, *, pulses: int, pitch: float, size: float = 1.0) -> np.ndarray:
    """(n,) float: low, creaky voicing with turbulence on it, once or twice."""
    bursts = []
    for index in range(pulses):
        seconds = rng.uniform(0.18, 0.30)
        voice = _voice(rng, seconds, pitch * rng.uniform(0.9, 1.1), fall=0.35, jitter=0.12)
        bursts += [
            0.8**index * (0.7 * voice + 0.5 * _turbulence(rng, seconds, attack=0.03, decay=0.12)),
            np.zeros(int(rng.uniform(0.05, 0.09) * SAMPLE_RATE)),
        ]
    return _through_tract(np.concatenate(bursts), size)


def knock(rng: np.random.Generator, *, hits: int, gap: float) -> np.ndarray:
    """(n,) float: knuckles on a wooden door, `gap` seconds from hit to hit."""
    modes = [
        (rng.uniform(90, 160), 0.045, 1.0),
        (rng.uniform(250, 380), 0.03, 0.7),
        (rng.uniform(550, 900), 0.015, 0.5),
    ]
    times = [index * gap * rng.uniform(0.93, 1.07) for index in range(hits)]
    return _impacts(rng, times, modes, noise=0.25, tail=0.25)


def click(rng: np.random.Generator, *, clicks: int) -> np.ndarray:
    """(n,) float: a mouse button, down and up again, once or more often."""
    modes = [(rng.uniform(1800, 2600), 0.004, 1.0), (rng.uniform(3800, 5200), 0.002, 0.8)]
    times = [index * 0.22 + down for index in range(clicks) for down in (0.0, rng.uniform(0.06, 0.10))]
    return _impacts(rng, times, modes, noise=0.6, tail=0.05)


def typing(rng: np.random.Generator, *, keys: int, rate: float) -> np.ndarray:
    """(n,) float: a keyboard at `rate` keys a second; each key hits the plate and comes up again."""
    modes = [(rng.uniform(350, 500), 0.008, 0.6), (rng.uniform(1500, 2400), 0.005, 1.0), (4300.0, 0.002, 0.7)]
    downs = np.cumsum(rng.gamma(4.0, 1.0 / (4.0 * rate), keys))
    times = sorted([*downs, *(downs + rng.uniform(0.05, 0.11, keys))])
    return _impacts(rng, times, modes, noise=0.5, tail=0.06)


def _impacts(
    rng: np.random.Generator,
    times: list[float],
    modes: list[tuple[float, float, float]],
    *,
    noise: float,
    tail: float,
) -> np.ndarray:
    """modes: Hz, seconds to 1/e, amplitude."""
    ring = np.arange(int(tail * SAMPLE_RATE)) / SAMPLE_RATE
    out = np.zeros(int((max(times) + tail) * SAMPLE_RATE) + 1)
    for time in times:
        hit = noise * rng.normal(size=len(ring)) * np.exp(-ring / 0.0015)
        for frequency, decay, amplitude in modes:
            hit += amplitude * rng.uniform(0.7, 1.3) * np.sin(2 * np.pi * frequency * ring) * np.exp(-ring / decay)
        start = int(time * SAMPLE_RATE)
        out[start : start + len(ring)] += rng.uniform(0.6, 1.0) * hit
    return out


def _turbulence(rng: np.random.Generator, seconds: float, *, attack: float, decay: float) -> np.ndarray:
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return rng.normal(size=len(time)) * np.minimum(time / attack, 1.0) * np.exp(-np.maximum(time - attack, 0) / decay)


def _voice(rng: np.random.Generator, seconds: float, pitch: float, *, fall: float, jitter: float = 0.03) -> np.ndarray:
    """Glottal pulses (double exponential) whose pitch falls by the share `fall`, under a raised-cosine envelope."""
    length = int(seconds * SAMPLE_RATE)
    pulses = np.zeros(length)
    at = 0.0
    while at < length:
        pulses[int(at)] = rng.uniform(0.8, 1.2)
        at += SAMPLE_RATE / (pitch * (1 - fall * at / length)) * (1 + jitter * rng.normal())
    shape = np.arange(int(0.008 * SAMPLE_RATE)) / SAMPLE_RATE
    glottal = np.exp(-shape / 0.0015) - np.exp(-shape / 0.0003)
    return 8.0 * np.convolve(pulses, glottal)[:length] * np.sin(np.pi * np.arange(length) / length) ** 0.7


def _through_tract(source: np.ndarray, size: float) -> np.ndarray:
    """A cascade of two-pole resonators and the radiation at the lips, applied in the frequency domain."""
    padded = len(source) + SAMPLE_RATE // 10
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(padded))
    response = 1 - 0.9 * z
    for formant, bandwidth in TRACT:
        pole = np.exp((-np.pi * bandwidth + 2j * np.pi * formant / size) / SAMPLE_RATE)
        response *= abs(1 - pole) ** 2 / ((1 - pole * z) * (1 - pole.conjugate() * z))
    return np.fft.irfft(np.fft.rfft(source, padded) * response, padded)
