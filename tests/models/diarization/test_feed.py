"""A diarizer over blocks of any length."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.feed import probabilities, speaker_frames
from tests.models.diarization.tones import TonesDiarizer, conversation, tone


@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
def test_every_frame_comes_once_and_in_order(latency: float) -> None:
    samples = conversation((0, 0.0, 0.5), (1, 0.3, 1.2), seconds=1.55)
    blocks = np.split(samples, [1, 1000, 7777, 12_000])
    starts = []
    for frames in speaker_frames(TonesDiarizer(latency), blocks):
        starts += [frames.start + index * FRAME for index in range(len(frames.probabilities))]
    assert starts == [index * FRAME for index in range(16)]
    active = probabilities(TonesDiarizer(latency), samples) > 0.5
    assert active[:, 0].nonzero()[0].tolist() == [0, 1, 2, 3, 4]
    assert active[:, 1].nonzero()[0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11]


def test_nothing_gives_nothing() -> None:
    assert probabilities(TonesDiarizer(), np.zeros(0, np.float32)).shape == (0, 8)


def test_known_voices_have_the_first_columns() -> None:
    active = probabilities(TonesDiarizer(), tone(3, 0.5), [("ann", tone(5, 2.0)), ("bob", tone(3, 2.0))]) > 0.5
    assert active.any(0).nonzero()[0].tolist() == [1]
