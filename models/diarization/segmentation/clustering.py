"""Which voices are the same: clusters of embeddings, and the best assignment of a window's voices to known ones."""

from __future__ import annotations

import numpy as np

_APART = 2.0
"""Distance of voices that are heard in one window and so are two people's: the cosine distance of opposites."""


def agglomerate(
    embeddings: np.ndarray, windows: np.ndarray, threshold: float, weights: np.ndarray | None = None
) -> np.ndarray:
    """Hierarchical clustering with average linkage, merged up to a mean cosine distance of `threshold`.

    embeddings: (n, width) of length 1. windows: (n,), the window of each: those of one window are not the same voice.
    weights: (n,), how much each counts in a mean. Returns (n,) numbers of clusters, from 0 in order of appearance.

    Chains of nearest neighbors (Murtagh 1983) find the merges in n² steps; average linkage allows that.
    """
    count = len(embeddings)
    size = np.ones(count) if weights is None else weights.astype(np.float64)
    distance = 1.0 - embeddings @ embeddings.T
    distance[windows[:, None] == windows] = _APART
    np.fill_diagonal(distance, np.inf)
    parent = np.arange(count)
    live = np.ones(count, bool)
    chain: list[int] = []
    while live.sum() > 1:
        if not chain:
            chain.append(int(np.argmax(live)))
        last = chain[-1]
        near = int(np.argmin(distance[last]))
        least = distance[last, near]
        if len(chain) > 1 and distance[last, chain[-2]] <= least:
            near = chain[-2]
        if len(chain) < 2 or near != chain[-2]:
            if np.isfinite(least):
                chain.append(near)
                continue
            break
        del chain[-2:]
        if least > threshold:  # what is nearest to each other is too far apart, and no merge brings it nearer
            live[last] = live[near] = False
            distance[[last, near]] = distance[:, [last, near]] = np.inf
            continue
        total = size[last] + size[near]
        merged = (size[last] * distance[last] + size[near] * distance[near]) / total
        distance[near], distance[:, near] = merged, merged
        distance[near, near] = np.inf
        distance[last], distance[:, last] = np.inf, np.inf
        size[near], live[last], parent[last] = total, False, near
    return _numbered(parent)


def _numbered(parent: np.ndarray) -> np.ndarray:
    roots = parent.copy()
    while not np.array_equal(roots, roots[roots]):
        roots = roots[roots]
    order = {root: number for number, root in enumerate(dict.fromkeys(roots.tolist()))}
    return np.array([order[root] for root in roots.tolist()], np.int64)


def assign(likeness: np.ndarray, least: float = -np.inf) -> list[int]:
    """(voices, known) to the known one of each voice, no two the same, the most alike first; -1 for those that are less
    alike than `least` to all that are left."""
    found = [-1] * len(likeness)
    left = likeness.copy()
    while left.size and left.max() > -np.inf and left.max() >= least:
        voice, known = np.unravel_index(int(left.argmax()), left.shape)
        found[int(voice)] = int(known)
        left[voice], left[:, known] = -np.inf, -np.inf
    return found
