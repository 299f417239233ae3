"""A soft limiter without memory: what is loud bends towards full scale instead of breaking at it."""

from __future__ import annotations

import numpy as np


def soft_limit(samples: np.ndarray, knee: float = 0.8) -> np.ndarray:
    """samples of any shape, float32, to the same shape within (-1, 1).

    Up to the knee nothing changes; above it the level follows knee + (1 - knee) tanh((|x| - knee) / (1 - knee)), whose
    slope meets the straight part's.
    """
    level = np.abs(samples)
    if not level.size or level.max() <= knee:
        return samples
    bent = knee + (1.0 - knee) * np.tanh((level - knee) / (1.0 - knee))
    return np.where(level <= knee, samples, np.copysign(bent, samples)).astype(samples.dtype)
