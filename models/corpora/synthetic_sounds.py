"""Sounds that nobody recorded: textures, motors, calls and blows at random: more kinds of noise than are at hand."""

from __future__ import annotations

import numpy as np
from scipy import signal

from duplex.models.corpora.degradations import events, rms
from duplex.streaming.audio import SAMPLE_RATE

WINDOW, HOP = 512, 128
TABLE = 4096
"""Samples of one period of a wave."""


def synthetic(length: int, rng: np.random.Generator) -> np.ndarray:
    """One of the kinds below, (length,) float32."""
    make = (texture, motor, calls, blows)[int(rng.choice(4, p=[0.4, 0.2, 0.2, 0.2]))]
    return make(length, rng)


def texture(length: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of a random spectrogram: a few colours, each with its own course, as of wind, water, paper or a crowd."""
    frames, bins = length // HOP + 8, WINDOW // 2 + 1
    power = np.zeros((bins, frames))
    for _ in range(int(rng.integers(1, 6))):
        colour = _wandering(bins, rng.uniform(3, 60), rng) * rng.uniform(3, 14)
        course = _wandering(frames, np.exp(rng.uniform(np.log(3), np.log(300))), rng) * rng.uniform(2, 20)
        power += 10 ** ((colour[:, None] + course + rng.normal(0, 6)) / 10)
    tilt = -rng.uniform(-2, 12) * np.log2(1 + np.arange(bins) / 8)  # dB
    noise = rng.standard_normal((bins, frames)) + 1j * rng.standard_normal((bins, frames))
    return _from_spectrum(noise * np.sqrt(power) * 10 ** (tilt[:, None] / 20), length)


def motor(length: int, rng: np.random.Generator) -> np.ndarray:
    """A harmonic tone that wanders, through resonances, and the noise that goes with it."""
    pitch = np.exp(rng.uniform(np.log(18), np.log(500))) * 2 ** (_slow(length, rng) * rng.uniform(0, 0.5))
    phase = np.cumsum(pitch) / SAMPLE_RATE
    tone = _wave(rng, rng.uniform(0.2, 2.2))[(phase * TABLE).astype(np.int64) % TABLE]
    strength = 10 ** (_slow(length, rng) * rng.uniform(0, 0.5))
    noise = texture(length, rng)
    beat = np.maximum(0, 1 + rng.uniform(0, 2) * np.sin(2 * np.pi * phase * rng.choice([0.25, 0.5, 1])))
    mix = tone / max(rms(tone), 1e-6) + rng.uniform(0, 1.5) * noise / max(rms(noise), 1e-6) * beat
    return _resonated((mix * strength).astype(np.float32), rng)


def calls(length: int, rng: np.random.Generator) -> np.ndarray:
    """Rings, sirens, beeps, chirps: tones that glide, tremble and come in a rhythm."""
    total = np.zeros(length)
    time = np.arange(length) / SAMPLE_RATE
    for _ in range(int(rng.integers(1, 4))):
        base = np.exp(rng.uniform(np.log(200), np.log(4500)))
        every = np.exp(rng.uniform(np.log(0.05), np.log(1.5)))
        place = (time / every + rng.random()) % 1
        glide = rng.normal(0, 0.7) * place if rng.random() < 0.5 else rng.normal(0, 0.4) * _slow(length, rng)
        tremble = rng.uniform(0, 0.06) * np.sin(2 * np.pi * rng.uniform(4, 40) * time)
        pitch = np.clip(base * 2 ** (glide + tremble), 60, 7600)
        steepness = rng.uniform(1.0, 4.0)  # tones high up have few harmonics
        tone = _wave(rng, steepness)[(np.cumsum(pitch) / SAMPLE_RATE * TABLE).astype(np.int64) % TABLE]
        filled = rng.uniform(0.2, 1.0)
        gate = np.clip((filled - place) / 0.05, 0, 1) * np.clip(place / rng.uniform(0.01, 0.2), 0, 1)
        total += tone * gate * rng.uniform(0.3, 1)
    return total.astype(np.float32)


def blows(length: int, rng: np.random.Generator) -> np.ndarray:
    """Knocks, clangs, breaking, tearing: short bursts, each of many modes that die away, or of noise that changes."""
    size = int(np.exp(rng.uniform(np.log(0.03), np.log(1.2))) * SAMPLE_RATE)
    time = np.arange(size) / SAMPLE_RATE
    burst = np.zeros(size)
    longest = np.exp(rng.uniform(np.log(0.01), np.log(0.5)))
    for _ in range(int(rng.integers(0, 40))):
        frequency = np.exp(rng.uniform(np.log(70), np.log(7500)))
        decay = longest * (frequency / 70) ** -rng.uniform(0, 0.8)
        late = rng.uniform(0, 0.7) * size if rng.random() < 0.3 else 0  # splinters
        at = time[int(late) :] - time[int(late)]
        burst[int(late) :] += rng.normal() * np.sin(2 * np.pi * frequency * at) * np.exp(-at / decay)
    rough = texture(size, rng) * np.exp(-time / np.exp(rng.uniform(np.log(0.01), np.log(0.6))))
    burst = burst / max(rms(burst), 1e-6) + rough / max(rms(rough), 1e-6) * rng.uniform(0.05, 1.5)
    return events(burst.astype(np.float32), length, rng)


def _wandering(size: int, scale: float, rng: np.random.Generator) -> np.ndarray:
    """(size,) with mean zero and deviation one, that changes over about `scale` steps."""
    knots = max(int(size / scale) + 2, 3)
    course = np.interp(np.linspace(0, knots - 1, size), np.arange(knots), rng.standard_normal(knots))
    return (course - course.mean()) / max(float(course.std()), 1e-6)


def _slow(length: int, rng: np.random.Generator) -> np.ndarray:
    return _wandering(length, SAMPLE_RATE * rng.uniform(0.1, 2), rng)


def _wave(rng: np.random.Generator, steepness: float) -> np.ndarray:
    """One period of harmonics at random phases, falling with their number."""
    number = np.arange(1, 33)
    sizes = number**-steepness * np.exp(rng.normal(0, 0.7, len(number)))
    spectrum = np.zeros(TABLE // 2 + 1, complex)
    spectrum[1:33] = sizes * np.exp(2j * np.pi * rng.random(len(number)))
    wave = np.fft.irfft(spectrum)
    return (wave / max(rms(wave), 1e-9)).astype(np.float32)


def _resonated(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    for _ in range(int(rng.integers(0, 4))):
        frequency = np.exp(rng.uniform(np.log(100), np.log(6000)))
        b, a = signal.iirpeak(frequency, rng.uniform(1, 12), fs=SAMPLE_RATE)
        audio = audio + rng.uniform(0.5, 6) * signal.lfilter(b, a, audio)
    return audio.astype(np.float32)


def _from_spectrum(spectrum: np.ndarray, length: int) -> np.ndarray:
    """(257, frames) complex -> (length,) float32."""
    _, out = signal.istft(spectrum, SAMPLE_RATE, nperseg=WINDOW, noverlap=WINDOW - HOP)
    return np.resize(out, length).astype(np.float32)
