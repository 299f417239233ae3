from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.skills.durations import parse_duration, say_ago, say_duration, say_length

DURATIONS = [
    ("five minutes", 300),
    ("one hour and ten minutes", 4200),
    ("one minute thirty seconds", 90),
    ("half an hour", 1800),
    ("an hour and a half", 5400),
    ("a minute and a half", 90),
    ("two and a half hours", 9000),
    ("one and a half minutes", 90),
    ("a quarter of an hour", 900),
    ("three quarters of an hour", 2700),
    ("a couple of minutes", 120),
    ("a minute", 60),
    ("90 seconds", 90),
    ("1.5 hours", 5400),
    ("two weeks", 1209600),
    ("to minutes", 120),
    ("for minutes", 240),
    ("five no ten minutes", 600),
    ("five minutes sorry six minutes", 360),
    ("five minutes no wait make that ten minutes", 600),
]


@pytest.mark.parametrize(("words", "seconds"), DURATIONS)
def test_reads_durations(words, seconds):
    assert parse_duration(words.split()) == seconds


@pytest.mark.parametrize(
    "words", ["", "five", "minutes", "and five minutes", "five minutes and", "five bananas", "minus five minutes"]
)
def test_what_is_no_duration_is_none(words):
    assert parse_duration(words.split()) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "zero seconds"),
        (0.4, "less than a second"),
        (1, "one second"),
        (90, "one minute and 30 seconds"),
        (3599.7, "one hour"),
        (4200, "one hour and ten minutes"),
        (90061, "one day and one hour"),
    ],
)
def test_says_durations(seconds, said):
    assert say_duration(seconds) == said


def test_says_how_long_ago():
    assert say_ago(1) == "just now"
    assert say_ago(59.8) == "one minute ago"
    assert say_ago(3590) == "one hour ago"


@given(st.integers(1, 30 * 86400))
def test_a_said_duration_reads_back_to_within_its_last_unit(seconds):
    said = say_duration(seconds)
    read = parse_duration([word.rstrip(",") for word in said.split()])
    assert read is not None
    unit = 1 if seconds < 3600 else 60 if seconds < 86400 else 3600
    assert abs(read - seconds) <= unit / 2 + (unit if seconds >= 3600 else 0) / 2


def test_a_length_is_an_adjective_of_one_unit():
    assert say_length(Fraction(300)) == "five minute"
    assert say_length(Fraction(90)) == ""
