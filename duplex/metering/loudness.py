"""Levels of a stream in constant memory: integrated loudness (ITU-R BS.1770-4) and active speech level (ITU-T P.56)."""

from __future__ import annotations

import math

import numpy as np

_K_SECONDS = 0.15
_BINS_PER_LU = 20
_FLOOR_LU = -120


class StreamingFir:
    """Convolution of a stream with a finite impulse response, (taps,), by FFT; as many samples out as in."""

    def __init__(self, response: np.ndarray, channels: int = 1) -> None:
        self._response = response
        self._tail = np.zeros((len(response) - 1, channels))

    def step(self, block: np.ndarray) -> np.ndarray:
        """(n, channels) to (n, channels)."""
        held = np.concatenate([self._tail, block])
        size = 1 << (len(held) + len(self._response) - 2).bit_length()
        spectrum = np.fft.rfft(held, size, axis=0) * np.fft.rfft(self._response, size)[:, None]
        self._tail = held[len(held) - len(self._tail) :]
        return np.fft.irfft(spectrum, size, axis=0)[len(self._tail) : len(held)]


class Loudness:
    """Integrated loudness in LUFS, gated as BS.1770-4 says; all channels count alike (no surround weights).

    The blocks' loudness is kept as a histogram of 0.05 LU, with the energy in each bin, so that memory does not grow.
    """

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._filter = StreamingFir(_k_weighting(sample_rate), channels)
        self._quarter = round(0.1 * sample_rate)
        self._held = np.zeros(0)
        self._quarters = np.zeros(0)
        bins = (20 - _FLOOR_LU) * _BINS_PER_LU
        self._count = np.zeros(bins, np.int64)
        self._energy = np.zeros(bins)

    def add(self, block: np.ndarray) -> None:
        """block: (n, channels)."""
        power = np.concatenate([self._held, np.square(self._filter.step(block)).sum(axis=1)])
        whole = len(power) - len(power) % self._quarter
        self._held = power[whole:]
        means = power[:whole].reshape(-1, self._quarter).mean(axis=1)
        quarters = np.concatenate([self._quarters, means])
        self._quarters = quarters[-3:]
        if len(quarters) < 4:
            return
        # Blocks of 400 ms, overlapping by three quarters.
        energy = np.convolve(quarters, np.full(4, 0.25), "valid")
        index = np.clip((_lufs(energy) - _FLOOR_LU) * _BINS_PER_LU, 0, len(self._count) - 1).astype(int)
        np.add.at(self._count, index, 1)
        np.add.at(self._energy, index, energy)

    def result(self) -> float | None:
        """None where everything lies below the gate of -70 LUFS, or less than 0.4 s was heard."""
        above = np.arange(len(self._count)) >= (-70 - _FLOOR_LU) * _BINS_PER_LU
        if not self._count[above].any():
            return None
        gate = _lufs(self._energy[above].sum() / self._count[above].sum()) - 10.0
        above &= np.arange(len(self._count)) >= (gate - _FLOOR_LU) * _BINS_PER_LU
        return float(_lufs(self._energy[above].sum() / max(1, self._count[above].sum())))


class ActiveLevel:
    """Active speech level in dB below full scale, and the share of time it is reached in (P.56, method B).

    The envelope, which moves with 30 ms, is computed every millisecond; the thresholds lie 1 dB apart.
    """

    _THRESHOLDS = np.arange(-95.0, 1.0)
    _MARGIN = 15.9
    _HANGOVER = 200
    """ms"""

    def __init__(self, sample_rate: int) -> None:
        time = np.arange(1, 400) / 30.0
        response = time * np.exp(-time)
        self._filter = StreamingFir(response / response.sum())
        self._tick = max(1, round(sample_rate / 1000))
        self._held = np.zeros(0)
        self._since = np.full(len(self._THRESHOLDS), self._HANGOVER)
        self._active = np.zeros(len(self._THRESHOLDS), np.int64)
        self._ticks = 0
        self._energy = 0.0
        self._samples = 0

    def add(self, samples: np.ndarray) -> None:
        """samples: (n,)."""
        self._energy += float(samples @ samples)
        self._samples += len(samples)
        held = np.concatenate([self._held, np.abs(samples)])
        whole = len(held) - len(held) % self._tick
        self._held = held[whole:]
        if not whole:
            return
        envelope = self._filter.step(held[:whole].reshape(-1, self._tick).mean(axis=1, keepdims=True))[:, 0]
        above = envelope >= 10 ** (self._THRESHOLDS[:, None] / 20)
        at = np.arange(len(envelope))
        last = np.maximum.accumulate(np.where(above, at, -1 - self._since[:, None]), axis=1)
        since = at - last
        self._active += np.count_nonzero(since < self._HANGOVER, axis=1)
        self._since = np.minimum(since[:, -1], self._HANGOVER)
        self._ticks += len(envelope)

    def result(self) -> tuple[float | None, float]:
        """(level in dBov, activity in 0…1); the level is None where nothing is active."""
        if not self._ticks or self._energy <= 0.0:
            return None, 0.0
        power = 10 * math.log10(self._energy / self._samples)
        share = self._active / self._ticks
        known = share > 0
        level = power - 10 * np.log10(np.maximum(share, 1e-12))
        distance = np.where(known, level - self._THRESHOLDS, -np.inf)
        below = np.flatnonzero(known & (distance <= self._MARGIN))
        if not len(below):
            return None, 0.0
        found = int(below[0])
        if found and known[found - 1]:
            before, after = distance[found - 1], distance[found]
            part = (before - self._MARGIN) / (before - after) if before > after else 1.0
            found_level = float(level[found - 1] + part * (level[found] - level[found - 1]))
        else:
            found_level = float(level[found])
        return found_level, float(10 ** ((power - found_level) / 10))


def _lufs(energy: np.ndarray | float) -> np.ndarray:
    return -0.691 + 10 * np.log10(np.maximum(energy, 1e-13))


def _k_weighting(sample_rate: int) -> np.ndarray:
    """Impulse response of BS.1770's two filters at any rate: their analogue prototypes, transformed bilinearly."""
    shelf = math.tan(math.pi * 1681.974450955533 / sample_rate)
    quality, high = 0.7071752369554196, 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    first = [high + band * shelf / quality + shelf**2, 2 * (shelf**2 - high), high - band * shelf / quality + shelf**2]
    first_poles = [1 + shelf / quality + shelf**2, 2 * (shelf**2 - 1), 1 - shelf / quality + shelf**2]
    cut, quality = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    second_poles = [1 + cut / quality + cut**2, 2 * (cut**2 - 1), 1 - cut / quality + cut**2]
    # Through their frequency response; beyond the length kept, the impulse response is below -120 dB. The high pass has
    # the numerator 1, -2, 1 over poles scaled to 1.
    size = 1 << sample_rate.bit_length()
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    polynomial = np.polynomial.polynomial.polyval
    response = polynomial(delay, first) / polynomial(delay, first_poles)
    response *= polynomial(delay, [1.0, -2.0, 1.0]) / polynomial(delay, second_poles) * second_poles[0]
    return np.fft.irfft(response, size)[: round(_K_SECONDS * sample_rate)]
