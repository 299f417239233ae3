from __future__ import annotations

import random
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.skills.numbers import spell
from duplex.models.turn_taking import load_turn_taking
from duplex.models.turn_taking.end_of_turn import (
    AT_A_COMMA,
    BUCKETS,
    HESITATING,
    LONGEST,
    UNSPOKEN,
    end_of_turn_score,
    features,
    looks_complete,
    spoken_words,
)
from duplex.models.turn_taking.train.end_of_turn import area, samples, turns
from duplex.models.turn_taking.train.orders import beginnings, orders
from duplex.models.turn_taking.train.orders import whole as without_marks
from duplex.models.turn_taking.word_lists import spell_small
from duplex.streaming.errors import ModelError

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
    assert end_of_turn_score(text) < 0.4


@pytest.mark.parametrize("text", FINISHED)
def test_whole_requests_and_answers_look_finished(text):
    assert end_of_turn_score(text) > 0.6


@pytest.mark.parametrize("text", ["what time is it um", "set a timer uh", "I think...", "so – "])
def test_a_hesitation_is_never_an_end(text):
    assert end_of_turn_score(text) == HESITATING


@pytest.mark.parametrize("text", ["what time is it in Tokyo", "well", "set a timer for ten minutes"])
def test_a_final_comma_makes_an_end_less_likely(text):
    plain, at_comma = end_of_turn_score(text), end_of_turn_score(f"{text},")
    assert at_comma / (1.0 - at_comma) == pytest.approx(plain / (1.0 - plain) / AT_A_COMMA)


@pytest.mark.parametrize("text", ["", "um", "...", "?!"])
def test_nothing_said_speaks_for_neither_side(text):
    assert end_of_turn_score(text) == UNSPOKEN


def test_capitals_punctuation_and_digits_do_not_matter():
    assert end_of_turn_score("Set a timer for 5 minutes.") == end_of_turn_score("set a timer for five minutes")
    assert " ".join(spoken_words("It’s 1984!")) == "it's one thousand nine hundred eighty four"
    assert " ".join(spoken_words("90210")) == "nine zero two one zero"


@given(st.text(max_size=80))
def test_any_text_gets_a_probability(text):
    assert 0.0 <= end_of_turn_score(text) <= 1.0


@given(st.lists(st.text(alphabet="abc", min_size=1, max_size=5), min_size=1, max_size=8))
def test_features_are_buckets(words):
    assert all(0 <= bucket < BUCKETS for bucket in features(words))


def test_the_earlier_name_stays():
    assert looks_complete is end_of_turn_score


def test_the_score_needs_no_skills():
    program = (
        "import sys; from duplex.models.turn_taking.end_of_turn import end_of_turn_score; end_of_turn_score('stop'); "
        "print([name for name in sys.modules if 'interaction' in name])"
    )
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_features_grow_no_faster_than_the_words():
    text = "set a timer and remind me what two plus two is when you convert ten miles " * 40
    counts = [len(list(features(text.split()[:length]))) for length in (40, 80, 160, 320)]
    assert counts[-1] <= counts[0] + 40
    assert len(spoken_words(text * 20)) == LONGEST


@pytest.mark.parametrize(
    ("begun", "whole"),
    [
        ("set a timer for", "set a timer for ten minutes"),
        ("set a timer for twelve", "set a timer for twelve minutes"),
        ("what is two plus", "what is two plus two"),
        ("remind me in five minutes to", "remind me in five minutes to call john"),
        ("what time is it in", "what time is it in kathmandu"),
        ("convert eleven pounds to", "convert eleven pounds to kilograms"),
        ("how much is thirty percent of", "how much is thirty percent of sixty"),
        ("wake me up at", "wake me up at half past six"),
    ],
)
def test_an_order_is_over_with_its_last_slot(begun, whole):
    assert end_of_turn_score(begun) < 0.3 < 0.7 < end_of_turn_score(whole)


def test_models_are_reached_by_contract():
    models = load_turn_taking("en")
    assert models.name == "words"
    assert models.end_of_turn("what time is it") > 0.6
    assert models.is_backchannel("mhm") and not models.is_backchannel("mhm", answering=True)
    assert models.asks_for_floor("stop")
    assert load_turn_taking("en-GB").name == "words"


def test_other_languages_are_left_to_pauses():
    models = load_turn_taking("de")
    assert (models.name, models.end_of_turn("stopp"), models.is_backchannel("ja")) == ("silence", 0.5, False)
    with pytest.raises(ModelError, match="do not know the language 'de'"):
        load_turn_taking("de", "words")
    with pytest.raises(ModelError, match="no turn-taking models 'x'"):
        load_turn_taking("en", "x")


@pytest.mark.parametrize("number", [0, 7, 13, 20, 45, 100, 1984, 9999])
def test_digits_are_spelled_like_numbers(number):
    assert " ".join(spell_small(str(number))) == spell(number)


def test_beginnings_of_orders_are_not_orders():
    made = list(orders(300, random.Random(0)))
    wholes = {" ".join(without_marks(words)) for words in made}
    cut = [" ".join(words) for words in beginnings(made)]
    assert len(cut) > 300 and wholes.isdisjoint(cut) and not any("/" in text for text in (*cut, *wholes))


def test_samples_are_wholes_and_beginnings_but_no_cut_after_a_sentence():
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
