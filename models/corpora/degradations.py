"""What goes wrong with speech: coloured noise, events, babble, band limits, clipping, equaliser, speed."""

from __future__ import annotations

import numpy as np
from scipy import fft, signal

from duplex.streaming.audio import SAMPLE_RATE


def rms(audio: np.ndarray) -> float:
    """Root mean square of (n,)."""
    return float(np.sqrt(np.mean(np.square(audio, dtype=np.float64)))) if len(audio) else 0.0


def fft_convolve(audio: np.ndarray, response: np.ndarray) -> np.ndarray:
    """`audio` through `response`, cut to the length of `audio`, (n,) float32."""
    size = fft.next_fast_len(len(audio) + len(response), real=True)
    product = fft.rfft(audio.astype(np.float32), size) * fft.rfft(response.astype(np.float32), size)
    return fft.irfft(product, size)[: len(audio)].astype(np.float32)


def speed(audio: np.ndarray, factor: float) -> np.ndarray:
    """Faster by `factor`, and higher by as much: a new voice."""
    if abs(factor - 1) < 0.005:
        return audio
    import soxr

    return soxr.resample(audio, SAMPLE_RATE * factor, SAMPLE_RATE, quality="MQ").astype(np.float32)


def equalise(audio: np.ndarray, rng: np.random.Generator, spread: float = 4.0) -> np.ndarray:
    """A random smooth frequency response: gains of standard deviation `spread` dB at eight places up to 8 kHz."""
    size = fft.next_fast_len(len(audio), real=True)
    spectrum = fft.rfft(audio, size)
    at = np.concatenate([[0.0], np.geomspace(80, 8000, 8)])
    gains = np.cumsum(rng.normal(0, spread / 2, len(at)))
    curve = np.interp(np.linspace(0, 8000, len(spectrum)), at, gains - gains.mean())
    return fft.irfft(spectrum * (10 ** (curve / 20)).astype(np.float32), size)[: len(audio)].astype(np.float32)


def coloured_noise(length: int, rng: np.random.Generator) -> np.ndarray:
    """Noise with a 1/f^a spectrum (a in −0.5…2.2), sometimes band-limited, humming or slowly modulated."""
    size = fft.next_fast_len(length, real=True)
    frequency = np.maximum(np.linspace(0, 8000, size // 2 + 1), 30.0)
    shape = frequency ** (-rng.uniform(-0.5, 2.2) / 2)
    if rng.random() < 0.3:
        centre, width = rng.uniform(200, 5000), rng.uniform(0.2, 1.2)
        shape *= np.exp(-0.5 * (np.log(frequency / centre) / width) ** 2)
    phase = rng.random(len(shape)).astype(np.float32) * 2j * np.pi
    audio = fft.irfft((shape * np.exp(phase)).astype(np.complex64), size)[:length]
    time = np.arange(length) / SAMPLE_RATE
    if rng.random() < 0.4:
        rate, depth = rng.uniform(0.2, 12), rng.uniform(0.2, 0.95)
        wave = np.sin(2 * np.pi * rate * time + rng.uniform(0, 6.28))
        audio = audio * (1 + depth * (np.sign(wave) if rng.random() < 0.3 else wave))
    if rng.random() < 0.2:
        base = rng.uniform(45, 400)
        hum = sum(np.sin(2 * np.pi * base * k * time + rng.uniform(0, 6.28)) / k for k in range(1, 6))
        audio = audio / max(rms(audio), 1e-9) + hum * rng.uniform(0.2, 2)
    return audio.astype(np.float32)


def clatter(length: int, rng: np.random.Generator) -> np.ndarray:
    """Ticks, clinks and thumps: one to three kinds of short ringing events, regular or not, (length,) float32."""
    total = np.zeros(length, np.float32)
    for _ in range(int(rng.integers(1, 4))):
        time = np.arange(int(rng.uniform(0.01, 0.3) * SAMPLE_RATE)) / SAMPLE_RATE
        decay = len(time) / SAMPLE_RATE / rng.uniform(3, 7)
        ring = rng.standard_normal(len(time)) * rng.uniform(0, 1)
        for _ in range(int(rng.integers(1, 7))):
            frequency = np.exp(rng.uniform(np.log(120), np.log(7000)))
            ring += np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6.28)) * rng.uniform(0.2, 1)
        ring *= np.exp(-time / decay)
        events = np.zeros(length, np.float32)
        every = max(int(SAMPLE_RATE / np.exp(rng.uniform(np.log(0.7), np.log(12)))), 1)
        at = np.arange(int(rng.integers(0, every)), length, every)
        if rng.random() < 0.6:
            at = rng.integers(0, length, max(len(at), 1))
        events[at] = np.exp(rng.normal(0, 0.8, len(at))) * rng.choice([-1, 1], len(at))
        total += fft_convolve(events, ring.astype(np.float32))
    return total


def events(recording: np.ndarray, length: int, rng: np.random.Generator) -> np.ndarray:
    """A short recording heard now and then, each time at another level, with pauses between, (length,) float32."""
    total = np.zeros(length, np.float32)
    at = int(rng.integers(0, max(length // 2, 1)))
    while at < length:
        part = recording[: length - at] * np.float32(10 ** (rng.uniform(-9, 0) / 20))
        total[at : at + len(part)] += part
        at += len(recording) + int(rng.exponential(0.6) * SAMPLE_RATE) + 1
    return total


def come_and_go(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """`audio` (n,) faded in, or out, or both, within it."""
    fade = max(int(rng.uniform(0.02, 0.5) * SAMPLE_RATE), 1)
    first, last = sorted(rng.uniform(-0.5, 1.5, 2) * len(audio))
    at = np.arange(len(audio))
    gate = np.clip((at - first) / fade, 0, 1) * np.clip((last + fade - at) / fade, 0, 1)
    return audio * gate.astype(np.float32) if gate.max() > 0.5 else audio


def babble(voices: list[np.ndarray], rooms: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Other people talking across a room, (n,) float32."""
    total = np.zeros(len(voices[0]), np.float32)
    for voice in voices:
        total += voice * np.float32(10 ** (rng.uniform(-10, 0) / 20) / max(rms(voice), 1e-4))
    if rng.random() < 0.7:
        total = fft_convolve(total, rooms[int(rng.integers(len(rooms)))])
    return total


def band_limit(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Low-pass at 2…7 kHz, telephone bands more often, sometimes without the lows below 250 Hz."""
    cut = float(rng.choice([2000, 3400, 4000, 5500])) if rng.random() < 0.5 else rng.uniform(2000, 7000)
    kind = rng.random()
    if kind < 0.4:  # as a lower sampling rate leaves it: nothing at all above
        import soxr

        there = soxr.resample(audio, SAMPLE_RATE, 2 * cut)
        back = soxr.resample(there, 2 * cut, SAMPLE_RATE)[: len(audio)]
        return np.pad(back, (0, len(audio) - len(back))).astype(np.float32)
    if kind < 0.7:
        taps = signal.firwin(255, min(cut, 7800), fs=SAMPLE_RATE)
        return np.convolve(audio, taps)[127 : 127 + len(audio)].astype(np.float32)
    order = int(rng.integers(4, 11))
    sos = signal.cheby1(order, 0.3, cut, fs=SAMPLE_RATE, output="sos")
    out = signal.sosfiltfilt(sos, audio)
    if rng.random() < 0.15:
        out = signal.sosfilt(signal.butter(2, 250, "high", fs=SAMPLE_RATE, output="sos"), out)
    return out.astype(np.float32)


def quantise(audio: np.ndarray) -> np.ndarray:
    """Rounded to 16 bits: what lies below is lost, as in most recordings."""
    return (np.round(audio * np.float32(32767)) / np.float32(32767)).astype(np.float32)


def clip(audio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Hard or soft clipping at a level that some of the samples exceed."""
    level = max(float(np.quantile(np.abs(audio), rng.uniform(0.93, 0.998))), 1e-5)
    out = np.tanh(audio / level) * level if rng.random() < 0.4 else np.clip(audio, -level, level)
    return out.astype(np.float32)
