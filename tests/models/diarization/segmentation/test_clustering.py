from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.diarization.segmentation.clustering import agglomerate, assign


def voices(labels: list[int], spread: float, seed: int = 0) -> np.ndarray:
    """Embeddings of these speakers, whose own directions are at right angles."""
    rng = np.random.default_rng(seed)
    found = np.eye(32)[labels] + spread * rng.standard_normal((len(labels), 32)) / np.sqrt(32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


@given(st.lists(st.integers(0, 4), min_size=1, max_size=40), st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_voices_that_are_alike_are_one(labels: list[int], seed: int) -> None:
    found = agglomerate(voices(labels, 0.3, seed), np.arange(len(labels)), 0.6)
    order = {label: number for number, label in enumerate(dict.fromkeys(labels))}
    assert found.tolist() == [order[label] for label in labels]


def test_voices_of_one_window_are_two_people() -> None:
    same = voices([0, 0], 0.01)
    assert agglomerate(same, np.array([3, 4]), 0.6).tolist() == [0, 0]
    assert agglomerate(same, np.array([3, 3]), 0.6).tolist() == [0, 1]


def test_the_threshold_is_that_of_the_mean() -> None:
    angles = np.array([0.0, 0.5, 1.0])
    line = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    windows = np.arange(3)
    mean = 1 - (np.cos(0.5) + np.cos(1.0)) / 2
    assert agglomerate(line, windows, mean + 1e-6).max() == 0
    assert agglomerate(line, windows, mean - 1e-6).max() == 1


def test_each_known_one_is_given_once_the_most_alike_first() -> None:
    assert assign(np.array([[0.9, 0.2], [0.95, 0.1]])) == [1, 0]
    assert assign(np.array([[0.9, 0.2], [0.95, 0.1]]), least=0.5) == [-1, 0]
    assert assign(np.array([[0.1], [0.2], [0.3]])) == [-1, -1, 0]
    assert assign(np.full((2, 2), -np.inf)) == [-1, -1]
    assert assign(np.zeros((2, 0))) == [-1, -1]
