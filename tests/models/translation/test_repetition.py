"""Endless repetitions of words and phrases, and those that are meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.translation.repetition import KEPT, RUN, without_endless_repetition


def shorter(text):
    words = text.split()
    return " ".join(words[place] for place in without_endless_repetition(words))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("it is " + "very " * 60 + "good", "it is very very very good"),
        ("No, " * 20 + "no!", "No, No, no!"),
        ("I think that " * 30, "I think that I think that I think that"),
        ("call five five five five five now", "call five five five five five now"),
        ("yes yes yes", "yes yes yes"),
        ("", ""),
    ],
)
def test_what_is_said_over_and_over_again_is_said_three_times(text, left):
    assert shorter(text) == left


@given(st.lists(st.sampled_from(["a", "b", "c"]), max_size=60))
def test_the_words_that_stay_are_in_order_and_what_is_short_stays_whole(words):
    kept = without_endless_repetition(words)
    assert kept == sorted(set(kept)) and set(kept) <= set(range(len(words)))
    assert len(words) > RUN or kept == list(range(len(words)))
    assert KEPT <= RUN and (not words or kept[-1] == len(words) - 1)
