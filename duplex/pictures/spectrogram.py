"""A picture of a recording before and after: two spectrograms, one above the other, as PNG."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from duplex.streaming.errors import OutputError

_COLUMNS = 1200
_RANGE_DB = 75


class Spectrogram:
    """Mean power by time and frequency of a stream, in constant memory: when the columns run out, pairs are joined."""

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self._size = 1 << round(math.log2(0.032 * sample_rate))
        self._window = np.hanning(self._size + 1)[:-1] / (0.25 * self._size)
        self._held = np.zeros(0)
        self._powers = np.zeros((2 * _COLUMNS, self._size // 2 + 1), np.float32)
        self._frames = 0
        self._each = 1
        self.samples = 0

    def add(self, samples: np.ndarray) -> None:
        """samples: (n,)."""
        self.samples += len(samples)
        hop = self._size // 4
        held = np.concatenate([self._held, samples])
        count = max(0, (len(held) - self._size) // hop + 1)
        self._held = held[count * hop :]
        if not count:
            return
        frames = np.lib.stride_tricks.sliding_window_view(held, self._size)[: count * hop : hop]
        for power in np.square(np.abs(np.fft.rfft(frames * self._window, axis=1))):
            column = self._frames // self._each
            if column == len(self._powers):
                half = len(self._powers) // 2
                self._powers[:half] = self._powers[0::2] + self._powers[1::2]
                self._powers[half:] = 0.0
                self._each *= 2
                column = self._frames // self._each
            self._powers[column] += power
            self._frames += 1

    def decibels(self) -> np.ndarray:
        """(frequencies, columns) float32, dB, 0 being a full-scale sine."""
        columns = self._frames // self._each
        if not columns:
            return np.full((self._powers.shape[1], 1), -200.0, np.float32)
        powers = self._powers[:columns] / self._each
        step = math.ceil(columns / _COLUMNS)
        powers = powers[: columns - columns % step].reshape(-1, step, powers.shape[1]).mean(axis=1)
        return 10 * np.log10(np.maximum(powers.T, 1e-20))


def draw(before: Spectrogram, after: Spectrogram, path: Path, title: str) -> None:
    """Writes the picture; both halves share one colour scale. Raises OutputError."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    levels = [before.decibels(), after.decibels()]
    top = max(float(np.quantile(level, 0.999)) for level in levels)
    figure = Figure(figsize=(12, 7), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.subplots(2, 1, sharex=True, sharey=True)
    seconds = before.samples / before.sample_rate
    for axis, level, name in zip(axes, levels, ("before", "after"), strict=True):
        image = axis.imshow(
            level,
            origin="lower",
            aspect="auto",
            extent=(0.0, seconds, 0.0, before.sample_rate / 2000),
            vmin=top - _RANGE_DB,
            vmax=top,
            cmap="magma",
            interpolation="antialiased",
        )
        axis.set_ylabel("kHz")
        axis.set_title(name, loc="left", fontsize=10)
    axes[1].set_xlabel("s")
    figure.suptitle(title.replace("$", r"\$"), fontsize=11)
    figure.colorbar(image, ax=list(axes), label="dB", pad=0.01)
    try:
        figure.savefig(path, dpi=100, format="png")
    except OSError as error:
        raise OutputError(f"{path.parent}: the picture cannot be written ({error.strerror})") from error
