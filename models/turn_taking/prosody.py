"""How a stretch of speech ends: the slopes of its pitch and of its level over the last voiced frames.

A falling pitch and a falling level go with the end of a turn, a level or rising one with a turn that goes on (Gravano
and Hirschberg, "Turn-taking cues in task-oriented dialogue", 2011). Pitch is the peak of the normalized
autocorrelation (Boersma 1993). Some milliseconds for half a second of speech.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

WINDOW = 512
"""Samples of a frame (32 ms): two periods of the lowest voice."""
HOP = 160
LOWEST, HIGHEST = 65.0, 400.0
"""Hz of a voice."""
VOICED = 0.5
"""Autocorrelation from which a frame counts as voiced."""
QUIETEST = 30.0
"""dB below the loudest frame from which nothing counts as voiced."""
SPAN = 0.3
"""Seconds of voiced frames over which the slopes are taken."""
FEWEST = 8
"""Voiced frames of which a slope means anything."""


class Slopes(NamedTuple):
    """pitch: semitones a second, level: dB a second; None where too few frames were voiced."""

    pitch: float | None
    level: float | None


def ending_slopes(samples: np.ndarray) -> Slopes:
    """Of the end of `samples`, (n,) float32 at 16 kHz; some 0.5 s are enough."""
    count = (len(samples) - WINDOW) // HOP + 1
    if count < FEWEST:
        return Slopes(None, None)
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP].astype(np.float64)
    frames = frames - frames.mean(axis=1, keepdims=True)
    energy = np.mean(frames**2, axis=1)
    levels = 10 * np.log10(energy + 1e-10)
    pitches, strengths = _pitch(frames)
    voiced = np.flatnonzero((strengths > VOICED) & (levels > max(-60.0, levels.max() - QUIETEST)))
    voiced = voiced[-round(SPAN * SAMPLE_RATE / HOP) :]
    if len(voiced) < FEWEST:
        return Slopes(None, None)
    times = voiced * HOP / SAMPLE_RATE
    semitones = 12 * np.log2(pitches[voiced])
    kept = np.abs(semitones - np.median(semitones)) < 7  # what is an octave off was a mistake
    pitch = _slope(times[kept], semitones[kept]) if kept.sum() >= FEWEST else None
    return Slopes(pitch, _slope(times, levels[voiced]))


def _pitch(frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Hz and the strength (0 to 1) of the periodicity of each frame."""
    window = np.hanning(WINDOW)
    spectrum = np.abs(np.fft.rfft(frames * window, 2 * WINDOW)) ** 2
    correlation = np.fft.irfft(spectrum)[:, :WINDOW]
    weight = np.fft.irfft(np.abs(np.fft.rfft(window, 2 * WINDOW)) ** 2)[:WINDOW]
    first, last = int(SAMPLE_RATE / HIGHEST), int(SAMPLE_RATE / LOWEST)
    normal = correlation[:, first : last + 1] / (correlation[:, :1] + 1e-12) / (weight[first : last + 1] / weight[0])
    # Of about equal peaks the shortest period is the voice's, the others are its multiples.
    best = np.argmax(normal * np.linspace(1.0, 0.9, normal.shape[1]), axis=1)
    return SAMPLE_RATE / (best + first), normal[np.arange(len(frames)), best]


def _slope(times: np.ndarray, values: np.ndarray) -> float:
    return round(float(np.polyfit(times - times.mean(), values, 1)[0]), 2)
