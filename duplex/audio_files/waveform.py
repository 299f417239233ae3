"""Waveforms small enough to draw: the largest level in each few milliseconds, read from disk in constant memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError

BIN = SAMPLE_RATE // 200
"""Samples that become one value: 5 ms."""


def peaks(samples: np.ndarray) -> np.ndarray:
    """(n,) or (n, channels) to the largest level in each BIN samples: (bins,) or (bins, channels) float32."""
    missing = -len(samples) % BIN
    padded = np.pad(np.abs(samples), [(0, missing)] + [(0, 0)] * (samples.ndim - 1))
    return padded.reshape(-1, BIN, *samples.shape[1:]).max(axis=1).astype(np.float32)


def peaks_of_file(path: Path) -> list[np.ndarray]:
    """The peaks of each channel of a 16 kHz sound file; none if there is no file. Raises InputError if it is none."""
    import soundfile

    if not path.exists():
        return []
    try:
        with soundfile.SoundFile(path) as file:
            channels = file.channels
            parts = [peaks(block) for block in file.blocks(blocksize=BIN * 2000, dtype="float32", always_2d=True)]
    except (soundfile.LibsndfileError, OSError) as error:
        raise InputError(f"{path}: cannot be read as audio ({error})") from None
    joined = np.concatenate(parts) if parts else np.zeros((0, channels), np.float32)
    return list(joined.T)


def coarser(levels: np.ndarray, steps: int) -> tuple[np.ndarray, int]:
    """levels: (bins,). At most about `steps` values, and how many bins each stands for: a peak thinner than a pixel
    would be lost between two of them."""
    merged = max(1, len(levels) // max(1, steps))
    cut = len(levels) - len(levels) % merged
    return levels[:cut].reshape(-1, merged).max(axis=1) if cut else levels[:0], merged


def loudest(levels: np.ndarray, floor: float = 0.02) -> float:
    """The largest level but for single clicks; a recording that is all noise is not blown up beyond `floor`."""
    audible = levels[levels > 0.0]
    return max(floor, float(np.quantile(audible, 0.995))) if len(audible) else 1.0
