"""Measures of a tagger: average precision, precision and recall at a threshold."""

from __future__ import annotations

import numpy as np


def average_precision(scores: np.ndarray, truth: np.ndarray) -> float:
    """Of (n,) scores against (n,) booleans: the mean precision over the positives; NaN if there are none.

    Equal scores count as found together, so that a constant score has the share of positives.
    """
    if not truth.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    found = np.cumsum(truth[order])
    last = np.append(np.diff(scores[order]) != 0, True)
    found, counted = found[last], np.flatnonzero(last) + 1
    gained = np.diff(found, prepend=0)
    return float((found / counted * gained).sum() / truth.sum())


def label_precisions(scores: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Average precision of each label, (labels,), of (n, labels) arrays, where the weight is above 0."""
    return np.array(
        [
            average_precision(scores[weights[:, label] > 0, label], truth[weights[:, label] > 0, label] > 0.5)
            for label in range(scores.shape[1])
        ]
    )


def precision_recall(chosen: np.ndarray, truth: np.ndarray) -> tuple[float, float]:
    """Of (n,) booleans; precision is NaN if nothing was chosen, recall if nothing is true."""
    hits = float((chosen & truth).sum())
    precision = hits / chosen.sum() if chosen.any() else float("nan")
    return precision, hits / truth.sum() if truth.any() else float("nan")
