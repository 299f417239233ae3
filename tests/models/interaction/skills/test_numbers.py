from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.skills.numbers import (
    parse_number,
    parse_ordinal,
    parse_year,
    round_significant,
    spell,
    take_number,
    written,
)

VALUES = [
    ("zero", 0),
    ("twelve", 12),
    ("twenty five", 25),
    ("a hundred", 100),
    ("one hundred and five", 105),
    ("twelve hundred", 1200),
    ("one hundred and twenty three thousand four hundred", 123400),
    ("two million five hundred thousand and six", 2500006),
    ("three point one four", Fraction("3.14")),
    ("zero point oh five", Fraction("0.05")),
    ("point five", Fraction(1, 2)),
    ("one point five million", 1500000),
    ("minus five", -5),
    ("negative two and a half", Fraction(-5, 2)),
    ("half", Fraction(1, 2)),
    ("three quarters", Fraction(3, 4)),
    ("two thirds", Fraction(2, 3)),
    ("two and three quarters", Fraction(11, 4)),
    ("two dozen", 24),
    ("3.5", Fraction("3.5")),
    ("5 million", 5_000_000),
]


@pytest.mark.parametrize(("words", "value"), VALUES)
def test_reads_spoken_numbers(words, value):
    assert parse_number(words.split()) == value


@pytest.mark.parametrize(
    "words", ["", "and", "five ten", "twenty fifteen", "nineteen eighty four", "point", "a", "five and"]
)
def test_what_is_no_single_number_is_none(words):
    assert parse_number(words.split()) is None


def test_takes_the_longest_number_and_says_where_it_ends():
    words = ["twenty", "five", "minutes"]
    assert take_number(words) == (25, 2)
    assert take_number(words, 2) is None
    assert take_number(["one", "hundred", "and", "ten", "and"]) == (110, 4)


def test_homophones_count_only_where_asked_for():
    assert parse_number(["to"]) is None
    assert parse_number(["to"], homophones=True) == 2
    assert parse_number(["for"], homophones=True) == 4


@given(st.integers(min_value=-(10**15) + 1, max_value=10**15 - 1))
def test_spelling_and_reading_are_inverse(number):
    assert parse_number(spell(number).split()) == number


def test_spelling_has_a_limit():
    with pytest.raises(ValueError, match="too large"):
        spell(10**15)


@pytest.mark.parametrize(
    ("words", "value"), [("third", 3), ("twenty third", 23), ("31st", 31), ("four", 4), ("tenth", 10)]
)
def test_ordinals(words, value):
    assert parse_ordinal(words.split()) == value


@pytest.mark.parametrize(
    ("words", "year"), [("nineteen eighty four", 1984), ("twenty twenty six", 2026), ("two thousand and six", 2006)]
)
def test_years(words, year):
    assert parse_year(words.split()) == year


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1234567), "1,234,567"),
        (Fraction(-5), "minus 5"),
        (Fraction(1, 3), "0.3333"),
        (Fraction("16.0934"), "16.09"),
        (Fraction("0.1") + Fraction("0.2"), "0.3"),
        (Fraction(1, 100000), "0.00001"),
        (Fraction(10**20), "1 times 10 to the power of 20"),
    ],
)
def test_values_are_written_to_be_read_aloud(value, text):
    assert written(value) == text


@given(st.fractions(min_value=-(10**9), max_value=10**9).filter(bool), st.integers(1, 9))
def test_rounding_keeps_the_significant_digits(value, digits):
    rounded = round_significant(value, digits)
    assert abs(rounded - value) <= max(
        Fraction(1, 2) if abs(value) >= 1 else 0, abs(value) * Fraction(10) ** (1 - digits) / 2
    )


def test_rounding_up_carries_into_the_power_of_ten():
    assert written(Fraction(10**24 - 1) ** 2) == "1 times 10 to the power of 48"
    assert written(-Fraction(99_999 * 10**12)) == "minus 1 times 10 to the power of 17"
    assert written(Fraction(9_999_999, 10)) == "1,000,000"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Fraction(1, 10**20), "1 times 10 to the power of minus 20"),
        (Fraction(-1, 3 * 10**12), "minus 3.333 times 10 to the power of minus 13"),
        (Fraction(99999, 10**14), "1 times 10 to the power of minus 9"),
        (Fraction(123456789, 10**12), "0.0001235"),
    ],
)
def test_small_values_are_not_nought(value, text):
    assert written(value) == text
