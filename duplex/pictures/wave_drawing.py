"""Drawing a waveform so that loud speech is still a waveform and not a block: a pale outline around a darker body."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from duplex.audio_files.waveform import BIN, coarser, loudest
from duplex.pictures import timeline_style as style
from duplex.streaming.audio import SAMPLE_RATE

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TALLEST = 0.8
"""Share of its track that the loudest speech takes: room is left above it, however evenly loud it is."""

BODY = 0.65
"""Of the mean level, as a share of it, that is drawn dark; the peaks around it are drawn pale."""

SMOOTH = 0.06
"""Seconds over which the body's level is averaged: about a third of a syllable."""

PALE = 0.4


def shown_levels(
    levels: np.ndarray, start: float, end: float, pixels: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """levels: (bins,) peaks of a whole track. Times, outline and body of the stretch from `start` to `end` (seconds),
    each (steps,); outline and body from 0 to TALLEST."""
    first = int(start * SAMPLE_RATE / BIN)
    peak, merged = coarser(levels[first : int(np.ceil(end * SAMPLE_RATE / BIN))], pixels)
    times = (first + merged * np.arange(len(peak))) * BIN / SAMPLE_RATE
    outline = TALLEST * np.minimum(1.0, peak / loudest(levels))
    width = max(1, round(SMOOTH * SAMPLE_RATE / BIN / merged)) | 1
    padded = np.pad(outline, width // 2, mode="edge") if len(outline) else outline
    mean = np.convolve(padded, np.ones(width) / width, "valid") if len(outline) else outline
    return times, outline, BODY * np.minimum(mean, outline)


def fill(
    axes: Axes,
    times: np.ndarray,
    outline: np.ndarray,
    body: np.ndarray,
    middle: float,
    parts: Iterable[tuple[np.ndarray, str]],
) -> None:
    """parts: (which of the times belong to it, colour). middle: height of the track's middle, in inches."""
    half = style.WAVE / 2
    for where, colour in parts:
        if not where.any():
            continue
        # fill_between fills between two steps that both belong: the slopes at either end of speech belong to it.
        sloped = where if colour == style.NOISE else np.convolve(where, np.ones(3), "same") > 0
        for height, alpha in ((outline, PALE), (body, 1.0)):
            low, high = middle - half * height, middle + half * height
            axes.fill_between(times, low, high, where=sloped, color=colour, alpha=alpha, lw=0.3, zorder=2)
