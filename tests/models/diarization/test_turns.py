"""Turns from probabilities: hand-made cases, and what holds for every stream."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from duplex.models.diarization.contract import FRAME, SpeakerFrames, Turn
from duplex.models.diarization.turns import TurnBuilder, TurnSettings
from duplex.streaming.errors import InputError, SettingsError

PLAIN = TurnSettings(onset=0.5, offset=0.5, median=1, least_speech=1, least_silence=1)

STREAMS = npst.arrays(
    np.float32,
    st.tuples(st.integers(0, 60), st.integers(1, 4)),
    elements=st.sampled_from([0.0, 0.2, 0.45, 0.55, 0.9, 1.0]),
)
SETTINGS = st.builds(
    TurnSettings,
    onset=st.sampled_from([0.5, 0.6]),
    offset=st.sampled_from([0.3, 0.5]),
    median=st.sampled_from([1, 3, 5]),
    least_speech=st.integers(1, 4),
    least_silence=st.integers(1, 4),
)


def column(*spoken: str) -> np.ndarray:
    """A column for each string; "#" is speech."""
    return np.array([[0.9 if mark == "#" else 0.1 for mark in line] for line in spoken], np.float32).T


def build(probabilities: np.ndarray, settings: TurnSettings = PLAIN, enrolled: tuple[str, ...] = ()) -> list[Turn]:
    builder = TurnBuilder(probabilities.shape[1], enrolled, settings)
    return [*builder.push(SpeakerFrames(0, probabilities)), *builder.flush()]


def test_turns_have_the_times_of_their_frames() -> None:
    assert build(column(".##..#")) == [Turn(0.1, 0.3, "speaker 1"), Turn(0.5, 0.6, "speaker 1")]


def test_the_stream_may_begin_anywhere() -> None:
    builder = TurnBuilder(1, settings=PLAIN)
    assert builder.push(SpeakerFrames(16_000, column(".##."))) == [Turn(1.1, 1.3, "speaker 1")]


def test_names_follow_the_order_of_appearance_and_stay() -> None:
    turns = build(column("......##", "##..##..", "..##...."))
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2", "speaker 1", "speaker 3"]


def test_those_who_enrolled_have_their_names() -> None:
    turns = build(column("...#", "#...", ".#.."), enrolled=("ann", "speaker 1"))
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2", "ann"]


def test_hysteresis_bridges_what_is_uncertain() -> None:
    row = np.array([[0.1], [0.7], [0.45], [0.45], [0.3], [0.45]], np.float32)
    settings = TurnSettings(onset=0.6, offset=0.4, median=1, least_speech=1, least_silence=1)
    assert build(row, settings) == [Turn(0.1, 0.4, "speaker 1")]


def test_short_pauses_are_bridged_and_short_turns_left_out() -> None:
    settings = TurnSettings(median=1, least_speech=3, least_silence=3)
    assert build(column("##..##...##...#"), settings) == [Turn(0.0, 0.6, "speaker 1")]


def test_the_median_takes_away_single_frames_and_moves_nothing() -> None:
    settings = TurnSettings(onset=0.5, offset=0.5, median=3, least_speech=1, least_silence=1)
    assert build(column(".#...####.###..#.."), settings) == [Turn(0.5, 1.3, "speaker 1")]


def test_open_turns_are_known_once_confirmed() -> None:
    builder = TurnBuilder(2, settings=TurnSettings(median=1, least_speech=2, least_silence=2))
    builder.push(SpeakerFrames(0, column("#", ".")))
    assert builder.open == []
    assert builder.push(SpeakerFrames(FRAME, column("#", "#"))) == []
    assert builder.open == [Turn(0.0, 0.2, "speaker 1")]
    builder.push(SpeakerFrames(2 * FRAME, column(".", "#")))
    assert builder.open == [Turn(0.0, 0.2, "speaker 1"), Turn(0.1, 0.3, "speaker 2")]
    assert builder.push(SpeakerFrames(3 * FRAME, column(".", "#"))) == [Turn(0.0, 0.2, "speaker 1")]


def test_a_jump_in_time_ends_what_is_open() -> None:
    builder = TurnBuilder(1, settings=PLAIN)
    builder.push(SpeakerFrames(0, column("##")))
    assert builder.push(SpeakerFrames(10 * FRAME, column("#"))) == [Turn(0.0, 0.2, "speaker 1")]
    assert builder.open == [Turn(1.0, 1.1, "speaker 1")]
    with pytest.raises(InputError, match="come after"):
        builder.push(SpeakerFrames(0, column("#")))


def test_wrong_shapes_and_settings_are_refused() -> None:
    with pytest.raises(InputError, match=r"\(frames, 2\)"):
        TurnBuilder(2).push(SpeakerFrames(0, column("#")))
    with pytest.raises(SettingsError, match="differ"):
        TurnBuilder(2, ("ann", "ann"))
    with pytest.raises(SettingsError, match="onset"):
        TurnSettings(onset=0.3, offset=0.4)
    with pytest.raises(SettingsError, match="odd"):
        TurnSettings(median=4)
    with pytest.raises(SettingsError, match="one frame"):
        TurnSettings(least_speech=0)


@settings(deadline=None, max_examples=150)
@given(STREAMS, SETTINGS, st.lists(st.integers(0, 20), max_size=6))
def test_chunks_do_not_matter(probabilities: np.ndarray, chosen: TurnSettings, lengths: list[int]) -> None:
    builder, turns, at = TurnBuilder(probabilities.shape[1], settings=chosen), [], 0
    for length in [*lengths, len(probabilities)]:
        turns += builder.push(SpeakerFrames(at * FRAME, probabilities[at : at + length]))
        at = min(at + length, len(probabilities))
    assert [*turns, *builder.flush()] == build(probabilities, chosen)


@settings(deadline=None, max_examples=150)
@given(STREAMS, SETTINGS)
def test_what_holds_for_all_turns(probabilities: np.ndarray, chosen: TurnSettings) -> None:
    turns = build(probabilities, chosen)
    for turn in turns:
        assert 0.0 <= turn.start < turn.end <= len(probabilities) / 10 + 1e-9
        assert turn.duration >= chosen.least_speech / 10 - 1e-9
    for name in {turn.speaker for turn in turns}:
        own = sorted((turn.start, turn.end) for turn in turns if turn.speaker == name)
        pauses = [after[0] - before[1] for before, after in itertools.pairwise(own)]
        assert all(pause >= chosen.least_silence / 10 - 1e-9 for pause in pauses)
    names = {turn.speaker for turn in turns}
    assert names <= {f"speaker {number + 1}" for number in range(probabilities.shape[1])}
    if chosen.median == 1:  # speech that is certain is never lost but for being short
        for number in range(probabilities.shape[1]):
            loud = np.flatnonzero(probabilities[:, number] >= chosen.onset)
            if len(loud) and chosen.least_speech == 1:
                assert any(turn.start <= loud[0] / 10 + 1e-9 < turn.end for turn in turns)


def test_memory_does_not_grow() -> None:
    builder = TurnBuilder(2, settings=TurnSettings(median=5))
    rng = np.random.default_rng(0)
    held = []
    for minute in range(30):
        builder.push(SpeakerFrames(minute * 600 * FRAME, rng.random((600, 2), np.float32)))
        held.append(sum(row.nbytes for row in builder._recent) + builder._began.nbytes + len(builder.names))
    assert len(set(held)) == 1
