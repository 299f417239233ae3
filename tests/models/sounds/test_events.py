from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.sounds.contract import BLOCK, SoundBlock, Threshold
from duplex.models.sounds.events import LONGEST_PAUSE, SoundEvents, as_events

LABELS = ("speech", "dog", "rain")
THRESHOLDS = {"dog": Threshold(0.6, 0.3), "rain": Threshold(0.5, 0.5)}


def told(dog: list[float]) -> list[tuple[int, int, float]]:
    rows = np.zeros((len(dog), 3), np.float32)
    rows[:, 1] = dog
    rows[:, 0] = 1.0  # not among the thresholds
    return [(each.start // BLOCK, each.end // BLOCK, each.score) for each in as_events(rows, LABELS, THRESHOLDS)]


def test_a_sound_begins_above_one_threshold_and_ends_below_the_other() -> None:
    assert told([0.5, 0.5, 0.7, 0.4, 0.9, 0.31, 0.1, 0.1, 0.1, 0.1, 0.1]) == [(2, 6, 0.9)]
    assert told([0.5, 0.5]) == []
    assert told([0.6]) == [(0, 1, 0.6)]


def test_a_short_pause_is_within_a_sound_and_a_long_one_divides_two() -> None:
    assert told([0.7, *[0.1] * LONGEST_PAUSE, 0.4]) == [(0, LONGEST_PAUSE + 2, 0.7)]
    assert told([0.7, *[0.1] * (LONGEST_PAUSE + 1), 0.4]) == [(0, 1, 0.7)]
    assert told([0.7, *[0.1] * (LONGEST_PAUSE + 1), 0.8]) == [(0, 1, 0.7), (LONGEST_PAUSE + 2, LONGEST_PAUSE + 3, 0.8)]


def test_a_sound_is_told_when_it_begins_and_again_when_it_is_over() -> None:
    events = SoundEvents(LABELS, THRESHOLDS)
    [began] = events.push(SoundBlock(0, np.array([0, 0.7, 0.1])))
    assert (began.label, began.over, began.end) == ("dog", False, BLOCK)
    [other] = events.push(SoundBlock(BLOCK, np.array([0, 0.7, 0.5])))
    assert other.label == "rain" and other.number != began.number
    assert [each.label for each in events.open] == ["dog", "rain"]
    dog, rain = events.finish()
    assert dog.over and (dog.number, dog.start, dog.end) == (began.number, 0, 2 * BLOCK)
    assert rain.over and events.open == [] and events.finish() == []


@given(st.lists(st.floats(0, 1, width=32), max_size=60))
def test_every_sound_that_begins_ends_once(dog: list[float]) -> None:
    events = SoundEvents(LABELS, THRESHOLDS)
    heard = [each for n, p in enumerate(dog) for each in events.push(SoundBlock(n * BLOCK, np.array([0, p, 0])))]
    heard += events.finish()
    begun = [each.number for each in heard if not each.over]
    ended = [each for each in heard if each.over]
    assert begun == [each.number for each in ended] == sorted(set(begun))
    assert all(a.end <= b.start for a, b in itertools.pairwise(ended))
    assert all(each.score >= np.float32(0.6) - 1e-3 for each in ended)
