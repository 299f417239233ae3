from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.turn_taking.end_of_turn import BUCKETS, HESITATING, UNSPOKEN, features, looks_complete, spoken_words
from duplex.models.turn_taking.train.end_of_turn import area, samples, turns

UNFINISHED = """
and
the
to
because
if you
when i
can you
let me
my name is
i think that
she said that
we have been
what is the
set a timer for
set a timer for five
for five
remind me
remind me to
remind me in ten minutes to
wake me up at
how many feet are in
convert ten miles to
what time is it in
what is fifteen percent of
how much is twelve times
what is twenty plus
what did i say about
remember that my
tell me about the
could you please
i would like to
i want to go to the
i need a flight from
so i was going to
do you know if
i was wondering if you could
book a table for
the weather in
call my
it is a very
and then i
""".strip().splitlines()

FINISHED = """
stop
stop talking
never mind
what time is it
what time is it in tokyo
what is the date next friday
how many days until christmas
set a timer for five minutes
cancel the timer
remind me to call my mother at five
how much is twelve times seven
convert ten miles to kilometers
what did i say about the car
say that again
speak louder please
turn it down
what can you do
thank you very much
yes that's correct
no that is all
okay that works for me
that sounds good
how are you today
what is the weather like today
who is the president of france
what is the capital of france
find me a hotel in paris
i am looking for a restaurant
book a table for two at seven o'clock
play some music
""".strip().splitlines()


@pytest.mark.parametrize("text", UNFINISHED)
def test_what_asks_for_more_looks_unfinished(text):
    assert looks_complete(text) < 0.4


@pytest.mark.parametrize("text", FINISHED)
def test_whole_requests_and_answers_look_finished(text):
    assert looks_complete(text) > 0.6


@pytest.mark.parametrize("text", ["what time is it um", "set a timer uh", "I think...", "well,", "so – "])
def test_a_hesitation_is_never_an_end(text):
    assert looks_complete(text) == HESITATING


@pytest.mark.parametrize("text", ["", "um", "...", "?!"])
def test_nothing_said_speaks_for_neither_side(text):
    assert looks_complete(text) == UNSPOKEN


def test_capitals_punctuation_and_digits_do_not_matter():
    assert looks_complete("Set a timer for 5 minutes.") == looks_complete("set a timer for five minutes")
    assert " ".join(spoken_words("It’s 1984!")) == "it's one thousand nine hundred eighty four"
    assert " ".join(spoken_words("90210")) == "nine zero two one zero"


@given(st.text(max_size=80))
def test_any_text_gets_a_probability(text):
    assert 0.0 <= looks_complete(text) <= 1.0


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=5), min_size=1, max_size=8))
def test_features_are_buckets(words):
    assert all(0 <= bucket < BUCKETS for bucket in features(words))


def test_samples_are_wholes_and_beginnings_but_no_cut_after_a_sentence():
    import random

    source = list(turns(["Hello there. What time is it?"]))
    assert source == [[["hello", "there"], ["what", "time", "is", "it"]]]
    found = list(samples(source, 9, random.Random(0), inner=True))
    wholes = [words for words, whole in found if whole]
    beginnings = [words for words, whole in found if not whole]
    assert wholes == [["hello", "there", "what", "time", "is", "it"], ["hello", "there"]]
    assert sorted(map(len, beginnings)) == [1, 3, 4, 5]


def test_area_under_the_curve():
    import numpy as np

    positive = np.array([True, True, False, False])
    assert area(np.array([0.9, 0.8, 0.2, 0.1]), positive) == 1.0
    assert area(np.array([0.1, 0.2, 0.8, 0.9]), positive) == 0.0
    assert area(np.array([0.5, 0.5, 0.5, 0.5]), positive) == 0.5
