from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.sounds.train.scoring import average_precision, label_precisions, precision_recall


def test_average_precision_by_hand() -> None:
    truth = np.array([True, False, True, False])
    assert average_precision(np.array([0.9, 0.8, 0.7, 0.1]), truth) == pytest.approx((1 + 2 / 3) / 2)
    assert average_precision(np.array([0.9, 0.1, 0.8, 0.2]), truth) == 1.0
    assert np.isnan(average_precision(np.ones(3), np.zeros(3, bool)))


@given(st.lists(st.booleans(), min_size=1, max_size=30))
def test_a_constant_score_has_the_share_of_positives(truth: list[bool]) -> None:
    if any(truth):
        assert average_precision(np.zeros(len(truth)), np.array(truth)) == pytest.approx(np.mean(truth))


def test_masked_places_do_not_count() -> None:
    scores, truth = np.array([[0.9], [0.5], [0.1]]), np.array([[0.0], [1.0], [0.0]])
    assert label_precisions(scores, truth, np.ones((3, 1)))[0] == 0.5
    assert label_precisions(scores, truth, np.array([[0.0], [1.0], [1.0]]))[0] == 1.0


def test_precision_and_recall() -> None:
    chosen, truth = np.array([True, True, False, False]), np.array([True, False, True, False])
    assert precision_recall(chosen, truth) == (0.5, 0.5)
    nothing = precision_recall(np.zeros(4, bool), truth)
    assert np.isnan(nothing[0]) and nothing[1] == 0.0
