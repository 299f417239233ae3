"""Scores against cases computed by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.diarization.contract import Turn
from duplex.models.diarization.train.scoring import (
    Arrival,
    ErrorTimes,
    Persistence,
    activity,
    aligned,
    arrivals,
    calibration,
    error_times,
    persistence,
    recall_by_minute,
)

REFERENCE = [Turn(0, 4, "a"), Turn(3, 6, "b")]


def test_errors_by_hand() -> None:
    # 1 s of "a" missed, "b" half under a third name, one second where nobody speaks
    hypothesis = [Turn(0, 3, "x"), Turn(3, 4.5, "y"), Turn(4.5, 6, "z"), Turn(7, 8, "x")]
    found = error_times(REFERENCE, hypothesis, 10.0)
    assert (found.total, found.missed, found.false_alarm, found.confusion) == pytest.approx((7, 1, 1, 1.5))
    assert found.rate == pytest.approx(50.0)
    assert found.parts == pytest.approx((100 / 7, 100 / 7, 150 / 7))


def test_the_collar_lies_on_either_side() -> None:
    late = [Turn(0.24, 4.24, "x"), Turn(3.24, 6.24, "y")]
    assert error_times(REFERENCE, late, 10.0, 0.25).rate == pytest.approx(0.0)
    assert error_times(REFERENCE, late, 10.0).rate > 10
    later = [Turn(0.5, 4.0, "x"), Turn(3.0, 6.0, "y")]
    assert error_times(REFERENCE, later, 10.0, 0.25).missed == pytest.approx(0.25)


def test_overlap_is_scored() -> None:
    found = error_times(REFERENCE, [Turn(0, 4, "x"), Turn(4, 6, "y")], 10.0)
    assert (found.total, found.missed, found.confusion) == pytest.approx((7, 1, 0))


def test_nothing_to_find_and_nothing_found() -> None:
    assert np.isnan(error_times([], [], 10.0).rate)
    assert error_times([], [Turn(1, 3, "x")], 10.0).false_alarm == pytest.approx(2)
    assert error_times(REFERENCE, [], 10.0).rate == pytest.approx(100)
    assert (ErrorTimes(1, 2, 3, 4) + ErrorTimes(1, 1, 1, 1)) == ErrorTimes(2, 3, 4, 5)


TURNS = st.lists(
    st.builds(
        lambda start, length, name: Turn(start / 100, (start + length) / 100, name),
        st.integers(0, 900),
        st.integers(1, 99),
        st.sampled_from("abc"),
    ),
    max_size=6,
)


@settings(deadline=None, max_examples=60)
@given(TURNS, TURNS)
def test_the_field_agrees_with_a_count_of_frames(reference: list[Turn], hypothesis: list[Turn]) -> None:
    from duplex.models.diarization.train.validation import frame_errors

    found = error_times(reference, hypothesis, 10.0)
    frames = frame_errors(activity(reference, "abc", 10.0), activity(hypothesis, "abc", 10.0))
    assert (found.missed, found.false_alarm, found.confusion, found.total) == pytest.approx(
        tuple(count / 100 for count in frames), abs=0.02
    )


def test_latecomers() -> None:
    reference = [Turn(0, 10, "a"), Turn(130, 140, "b"), Turn(200, 204, "a")]
    hypothesis = [Turn(0, 10, "x"), Turn(130, 140, "x"), Turn(138, 140, "y"), Turn(200, 204, "x")]
    assert arrivals(reference, hypothesis, 240.0) == [Arrival(0, 14.0, 14.0), Arrival(2, 10.0, 2.0)]
    assert recall_by_minute(reference, hypothesis, 240.0).tolist() == [[10, 10], [0, 0], [10, 2], [4, 4]]
    assert arrivals(reference, [], 240.0)[1] == Arrival(2, 10.0, 0.0)


def test_a_speaker_who_changes_name() -> None:
    reference = [Turn(0, 2, "a"), Turn(3, 5, "b"), Turn(6, 8, "a"), Turn(9, 9.3, "a"), Turn(12, 14, "a")]
    same = [Turn(0, 2, "x"), Turn(3, 5, "y"), Turn(6, 8, "x"), Turn(9, 9.3, "y"), Turn(12, 14, "x")]
    assert persistence(reference, same, 15.0) == Persistence(2, 0)  # the short turn says nothing
    assert persistence(reference, [*same[:2], Turn(6, 8, "y"), same[4]], 15.0) == Persistence(2, 2)
    assert persistence(reference, [*same[:2], same[4]], 15.0) == Persistence(1, 0)  # missed is not switched
    assert persistence(reference, [], 15.0) == Persistence()
    talked_over = [Turn(0, 2, "a"), Turn(3, 5, "a"), Turn(3, 4.8, "b")]
    assert persistence(talked_over, [Turn(0, 2, "x"), Turn(3, 5, "y")], 15.0) == Persistence()


def test_a_speaker_who_comes_back() -> None:
    reference = [Turn(0, 2, "a"), Turn(3, 5, "b"), Turn(70, 72, "a"), Turn(80, 82, "b"), Turn(150, 152, "a")]
    hypothesis = [Turn(0, 2, "x"), Turn(3, 5, "y"), Turn(70, 72, "x"), Turn(80, 82, "z"), Turn(150, 152, "x")]
    found = persistence(reference, hypothesis, 160.0)
    assert found == Persistence(turns=3, switches=1, returns=3, kept=2)
    assert found + found == Persistence(6, 2, 6, 4)
    assert persistence(reference, hypothesis, 160.0, absence=100.0).returns == 0


def test_calibration_by_hand() -> None:
    curve = calibration(np.array([0.05, 0.05, 0.95, 0.95]), np.array([False, True, True, True]), bins=10)
    assert curve.count.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    assert (curve.frequency[0], curve.frequency[9]) == (0.5, 1.0) and np.isnan(curve.frequency[4])
    assert curve.error == pytest.approx((0.45 + 0.05) / 2)


def test_probabilities_that_are_true_are_calibrated() -> None:
    rng = np.random.default_rng(0)
    said = rng.random(200_000)
    assert calibration(said, rng.random(200_000) < said).error < 0.01
    assert calibration(said, rng.random(200_000) < said**2).error > 0.1


def test_slots_and_speakers_are_paired() -> None:
    truth = np.array([[1, 0], [1, 0], [0, 1], [0, 0]], bool)
    said = np.array([[0.1, 0.2, 0.9], [0.0, 0.1, 0.8], [0.7, 0.1, 0.2], [0.1, 0.1, 0.1], [1, 1, 1]])
    slots, ordered = aligned(said, truth)
    assert len(slots) == 4
    assert ordered[:, 2].tolist() == [True, True, False, False] and ordered[:, 0].tolist() == [
        False,
        False,
        True,
        False,
    ]
    assert not ordered[:, 1].any()
