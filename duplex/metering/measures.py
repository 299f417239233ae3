"""What can be said of a recording without a clean one: figures with a definition, and no guess at an opinion score.

All are taken from a stream of blocks in constant memory.
"""

from __future__ import annotations

import math

import numpy as np

from duplex.metering.loudness import ActiveLevel, Loudness

MEASURES = {
    "peak_dbfs": "highest sample, dB below full scale",
    "loudness_lufs": "integrated loudness, ITU-R BS.1770-4",
    "speech_level_dbov": "active speech level, ITU-T P.56 method B, of the channels' mean",
    "speech_activity": "share of the time that this level is reached in, 0 to 1",
    "noise_floor_dbfs": "level that a tenth of all 20 ms frames stay below, of the channels' mean",
    "wada_snr_db": "signal-to-noise ratio by the distribution of amplitudes (WADA, Kim and Stern 2008), -20 to 80",
    "rolloff_hz": "frequency that 99 % of the energy lies below",
    "bandwidth_hz": "highest frequency within 60 dB of the strongest, in the long-term spectrum",
    "dc_offset": "mean of all samples; the figures of the channels' mean are taken without it, as known so far",
    "clipped_share": "share of the samples that stand in pairs at full scale",
}
"""Every figure and what it is."""

_SILENCE = 1e-10
_FULL_SCALE = 32767 / 32768 - 1e-9


class Measures:
    """Takes a recording block by block; `result` has a value, or None where it has no meaning, for each of MEASURES."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self._channels = channels
        self._peak = 0.0
        self._samples = 0
        self._clipped = 0
        self._edge = np.zeros((1, channels), bool)
        self._loudness = Loudness(sample_rate, channels)
        self._level = ActiveLevel(sample_rate)
        self._floor = _NoiseFloor(sample_rate)
        self._spectrum = _LongTermSpectrum(sample_rate)
        self._offset = 0.0
        self._magnitude = 0.0
        self._log_magnitude = 0.0

    def add(self, block: np.ndarray) -> None:
        """block: (n, channels) float64, finite; about a second each."""
        if not len(block):
            return
        level = np.abs(block)
        self._samples += len(block)
        self._peak = max(self._peak, float(level.max()))
        full = np.concatenate([self._edge, level >= _FULL_SCALE])
        self._clipped += int(np.count_nonzero(full[1:] & full[:-1]))
        self._edge = full[-1:]
        self._loudness.add(block)
        mono = block.mean(axis=1)
        self._offset += float(mono.sum())
        mono = mono - self._offset / self._samples
        self._level.add(mono)
        self._floor.add(mono)
        self._spectrum.add(mono)
        level = np.abs(mono)
        self._magnitude += float(level.sum())
        self._log_magnitude += float(np.log(np.maximum(level, _SILENCE)).sum())

    @property
    def loudness(self) -> float | None:
        """Integrated loudness so far, in LUFS."""
        return self._loudness.result()

    def result(self) -> dict[str, float | None]:
        if self._peak <= _SILENCE:
            return {**dict.fromkeys(MEASURES), "speech_activity": 0.0, "dc_offset": 0.0, "clipped_share": 0.0}
        speech, activity = self._level.result()
        rolloff, bandwidth = self._spectrum.result()
        figures = {
            "peak_dbfs": 20 * math.log10(self._peak),
            "loudness_lufs": self._loudness.result(),
            "speech_level_dbov": speech,
            "speech_activity": activity,
            "noise_floor_dbfs": self._floor.result(),
            "wada_snr_db": self._wada_snr(),
            "rolloff_hz": rolloff,
            "bandwidth_hz": bandwidth,
            "dc_offset": self._offset / self._samples,
            "clipped_share": self._clipped / (self._samples * self._channels),
        }
        digits = {"dc_offset": 6, "clipped_share": 6}
        return {name: None if value is None else round(value, digits.get(name, 2)) for name, value in figures.items()}

    def _wada_snr(self) -> float | None:
        if self._magnitude <= 0.0:
            return None
        statistic = math.log(self._magnitude / self._samples) - self._log_magnitude / self._samples
        return float(np.interp(statistic, _WADA, _WADA_SNR))


class _NoiseFloor:
    """Levels of 20 ms frames, as a histogram of 0.1 dB."""

    _LOWEST = -120

    def __init__(self, sample_rate: int) -> None:
        self._frame = max(1, sample_rate // 50)
        self._held = np.zeros(0)
        self._count = np.zeros((10 - self._LOWEST) * 10, np.int64)

    def add(self, samples: np.ndarray) -> None:
        held = np.concatenate([self._held, samples])
        whole = len(held) - len(held) % self._frame
        self._held = held[whole:]
        power = np.square(held[:whole]).reshape(-1, self._frame).mean(axis=1)
        level = 10 * np.log10(np.maximum(power, 1e-12))
        index = np.clip((level - self._LOWEST) * 10, 0, len(self._count) - 1).astype(int)
        self._count += np.bincount(index, minlength=len(self._count))

    def result(self) -> float | None:
        total = self._count.sum()
        if not total:
            return None
        return self._LOWEST + int(np.searchsorted(np.cumsum(self._count), 0.1 * total)) / 10


class _LongTermSpectrum:
    """Mean power spectrum over frames of about 64 ms, half overlapping."""

    def __init__(self, sample_rate: int) -> None:
        self._rate = sample_rate
        self._size = 1 << round(math.log2(0.064 * sample_rate))
        self._window = np.hanning(self._size + 1)[:-1]
        self._power = np.zeros(self._size // 2 + 1)
        self._held = np.zeros(0)

    def add(self, samples: np.ndarray) -> None:
        held = np.concatenate([self._held, samples])
        hop = self._size // 2
        count = max(0, (len(held) - self._size) // hop + 1)
        self._held = held[count * hop :]
        if count:
            frames = np.lib.stride_tricks.sliding_window_view(held, self._size)[: count * hop : hop]
            self._power += np.square(np.abs(np.fft.rfft(frames * self._window, axis=1))).sum(axis=0)

    def result(self) -> tuple[float | None, float | None]:
        total = self._power.sum()
        if total <= 0.0:
            return None, None
        width = self._rate / self._size
        rolloff = int(np.searchsorted(np.cumsum(self._power), 0.99 * total)) * width
        return rolloff, float(np.flatnonzero(self._power >= 1e-6 * self._power.max())[-1]) * width


# log E|x| - E log|x| of speech (amplitudes gamma-distributed with shape 0.4) in Gaussian noise, integrated numerically.
_WADA_SNR = np.arange(-20.0, 80.1, 2.5)
_WADA = np.array(
    [0.40943, 0.40952, 0.40977, 0.41045, 0.41215, 0.41598, 0.42384, 0.43822, 0.46184, 0.49673, 0.54355,
     0.60124, 0.66735, 0.73874, 0.81227, 0.88530, 0.95582, 1.02253, 1.08466, 1.14185, 1.19406, 1.24143,
     1.28421, 1.32271, 1.35727, 1.38823, 1.41595, 1.44072, 1.46284, 1.48260, 1.50022, 1.51595, 1.52997,
     1.54248, 1.55363, 1.56357, 1.57243, 1.58033, 1.58737, 1.59365, 1.59924]
)  # fmt: skip
