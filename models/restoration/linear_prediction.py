"""Linear prediction: how a signal would go on, from what was heard of it."""

from __future__ import annotations

import numpy as np


def burg(signal: np.ndarray, order: int) -> np.ndarray:
    """Coefficients a of the predictor x[n] = −Σ a[k] x[n−1−k], (order,) float64, of (n,) samples.

    Burg's method (1967): its filters are stable, so what is predicted with them does not grow.
    """
    forward = backward = signal.astype(np.float64)
    polynomial = np.ones(1)
    for _ in range(order):
        forward, backward = forward[1:], backward[:-1]
        power = forward @ forward + backward @ backward
        if power <= 0:
            break
        reflection = -2 * (backward @ forward) / power
        forward, backward = forward + reflection * backward, backward + reflection * forward
        longer = np.append(polynomial, 0.0)
        polynomial = longer + reflection * longer[::-1]
    return np.pad(polynomial[1:], (0, order + 1 - len(polynomial)))


def extrapolate(heard: np.ndarray, count: int, order: int = 16) -> np.ndarray:
    """The next (count,) samples float32 after (n,), as voiced speech goes on for a few of its periods; zeros after
    silence."""
    peak = float(np.abs(heard).max(initial=0.0))
    if peak <= np.finfo(np.float32).tiny:
        return np.zeros(count, np.float32)
    known = heard / peak
    backwards = -burg(known, order)[::-1]
    line = np.concatenate([known[-order:], np.zeros(count)])
    for at in range(order, order + count):
        line[at] = backwards @ line[at - order : at]
    return (np.clip(line[order:], -1.0, 1.0) * peak).astype(np.float32)
