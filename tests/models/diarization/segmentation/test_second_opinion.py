"""What two diarizers hear, put together."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.feed import probabilities
from duplex.models.diarization.segmentation.online import OnlineSegmentation
from duplex.models.diarization.segmentation.recording import RecordingSegmentation
from duplex.models.diarization.segmentation.second_opinion import SHARE, SecondOpinion, together
from duplex.streaming.errors import InputError, SettingsError
from tests.models.diarization.segmentation.test_stages import DIALOGUE, ToneListener, active, said


def both(max_speakers: int = 8) -> SecondOpinion:
    return SecondOpinion(
        RecordingSegmentation(ToneListener(), max_speakers), OnlineSegmentation(ToneListener(), 1.0, 8)
    )


def test_where_both_hear_the_same_nothing_changes() -> None:
    alone = active(probabilities(RecordingSegmentation(ToneListener()), DIALOGUE))
    assert active(probabilities(both(), DIALOGUE)) == alone


def test_known_voices_keep_their_columns() -> None:
    enrolled = [("ann", said((0, 0, 3), seconds=3)), ("bob", said((3, 0, 3), seconds=3))]
    found = active(probabilities(both(), DIALOGUE, enrolled))
    assert found[30] == [2] and found[60] == [0] and found[160] == [3] and found[220] == [0]


@pytest.mark.parametrize("frames", [0, 1, 7, 100, 101])
def test_recordings_of_any_length(frames: int) -> None:
    found = probabilities(both(3), DIALOGUE[: frames * FRAME])
    assert found.shape == (frames, 3) and np.isfinite(found).all()


def test_what_the_first_is_unsure_of_is_decided_and_whom_it_has_not_heard_stays_out() -> None:
    first, second = np.zeros((30, 4), np.float32), np.zeros((30, 8), np.float32)
    first[:10, 2], second[:10, 5] = 0.9, 1.0
    first[10:15, 2], second[10:15, 5] = 0.48, 1.0  # in noise
    first[15:20, 2] = 0.5
    second[20:, 1] = 1.0  # music
    found = together(first, second)
    assert active(found) == [[2]] * 15 + [[]] * 15


@given(st.integers(0, 40), st.integers(1, 8), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_it_lies_between_the_two(frames: int, speakers: int, others: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    first, second = (rng.random((frames, count)).astype(np.float32) for count in (speakers, others))
    found = together(first, second)
    assert found.shape == first.shape and np.isfinite(found).all()
    assert (found >= (1 - SHARE) * first - 1e-6).all() and (found <= (1 - SHARE) * first + SHARE + 1e-6).all()
    np.testing.assert_array_equal(together(first, np.zeros_like(second)), first)


def test_what_cannot_be_is_refused() -> None:
    diarizer = both()
    with pytest.raises(InputError, match="whole frames"):
        diarizer.step(np.zeros(100, np.float32), diarizer.initial_state())
    with pytest.raises(SettingsError, match="one stream"):
        diarizer.initial_state(2)
