"""Edits that bring a canvas to a translation."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from duplex.models.translation.fretna.canvas import PLACEHOLDER, Edits, applied, common_places, framed, oracle
from duplex.models.translation.vocabulary import BEGIN, END

SUBWORDS = st.lists(st.integers(10, 16), max_size=14)
CANVAS = st.lists(st.one_of(st.integers(10, 16), st.just(PLACEHOLDER)), max_size=14)


def test_what_is_in_place_is_kept():
    edits = oracle(framed([10, 11]), [10, 11], 8)
    assert edits == Edits((True,) * 4, (0,) * 4, (0,) * 4)


def test_a_translation_that_grows_takes_one_pass():
    canvas = framed([10, 11], 4)
    assert applied(canvas, oracle(canvas, [10, 11, 12, 13], 8)) == [10, 11, 12, 13]


def test_a_word_in_the_middle_gets_a_placeholder():
    canvas = framed([10, 30, 12], 1)
    edits = oracle(canvas, [10, 11, 12], 8)
    assert edits.keep == (True, True, False, True, False, True) and edits.insert[1] == 1
    assert applied(canvas, edits) == [10, PLACEHOLDER, 12]


def test_placeholders_take_what_is_wanted_between_their_neighbors():
    canvas = framed([10, PLACEHOLDER, PLACEHOLDER, 13])
    assert oracle(canvas, [10, 11, 13], 8).fill == (0, 0, 11, 0, 0, 0)
    assert applied(canvas, oracle(canvas, [10, 11, 13], 8)) == [10, 11, 13]


@given(CANVAS, SUBWORDS)
def test_as_many_passes_as_it_takes_end_in_what_is_wanted(start, wanted):
    held, passes = start, 0
    while held != wanted:
        canvas = framed(held, 2)
        held = applied(canvas, oracle(canvas, wanted, 3))
        passes += 1
        assert passes <= 10
    assert passes <= 2 + len(wanted) // 2


@given(SUBWORDS, SUBWORDS)
def test_common_places_are_a_longest_common_subsequence(first, second):
    places = common_places(first, second)
    assert all(first[i] == second[j] for i, j in places)
    assert all(a < c and b < d for (a, b), (c, d) in itertools.pairwise(places))
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, number in enumerate(first):
        for j, other in enumerate(second):
            lengths[i + 1][j + 1] = lengths[i][j] + 1 if number == other else max(lengths[i][j + 1], lengths[i + 1][j])
    assert len(places) == lengths[-1][-1]


@given(CANVAS, SUBWORDS)
def test_marks_stay_and_nothing_is_inserted_behind_what_goes(start, wanted):
    canvas = framed(start)
    edits = oracle(canvas, wanted, 3)
    assert canvas[0] == BEGIN and canvas[-1] == END and edits.keep[0] and edits.keep[-1]
    assert all(not count or kept for kept, count in zip(edits.keep, edits.insert, strict=True))
    assert max(edits.insert) <= 3
