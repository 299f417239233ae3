"""Which speaker a word is given to."""

from __future__ import annotations

import numpy as np

from duplex.models.diarization.contract import FRAME, SpeakerFrames
from duplex.models.diarization.history import SpeakerHistory
from duplex.models.diarization.turns import TurnBuilder, TurnSettings

PLAIN = TurnSettings(median=1, least_speech=2, least_silence=1)


def history(rows: list[list[float]], horizon: float | None = None, start: int = 0) -> SpeakerHistory:
    known = SpeakerHistory(TurnBuilder(len(rows[0]), settings=PLAIN), horizon)
    known.push(SpeakerFrames(start, np.array(rows, np.float32)))
    return known


def test_the_speaker_most_active_during_the_word() -> None:
    known = history([[0.9, 0.0], [0.9, 0.2], [0.6, 0.8], [0.1, 0.9]])
    assert known.speaker(0, 2 * FRAME) == "speaker 1"
    assert known.speaker(2 * FRAME, 4 * FRAME) == "speaker 2"
    assert known.speaker(FRAME // 2, 2 * FRAME + 100) == "speaker 1"  # frames count by what the word has of them
    assert known.speaker(2 * FRAME, 2 * FRAME) == "speaker 2"  # a word without a length


def test_only_those_who_have_had_a_turn() -> None:
    known = history([[0.6, 0.0], [0.6, 0.0], [0.1, 0.7], [0.1, 0.1]])
    assert known.speaker(2 * FRAME, 3 * FRAME) == "speaker 1"  # the other's single frame is no turn
    assert history([[0.1, 0.1]] * 4).speaker(0, FRAME) is None


def test_what_is_not_known_has_no_speaker() -> None:
    known = history([[0.9]] * 10, horizon=0.5, start=3 * FRAME)
    assert known.speaker(0, 4 * FRAME) is None  # forgotten
    assert known.speaker(13 * FRAME, 14 * FRAME) is None  # still to come
    assert known.speaker(7 * FRAME, 9 * FRAME) == "speaker 1"
    known.push(SpeakerFrames(20 * FRAME, np.full((2, 1), 0.9, np.float32)))
    assert known.speaker(9 * FRAME, 10 * FRAME) is None
    assert known.speaker(20 * FRAME, 22 * FRAME) == "speaker 1"
