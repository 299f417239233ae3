from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.numbers import spell
from duplex.models.interaction.skills.sums import Undefined, evaluate
from duplex.models.turn_taking.word_lists import word_set
from tests.models.interaction.asking import ask

SKILLS = Skills()

ANSWERS = [
    ("how much is twelve times seven", "12 times 7 is 84."),
    ("what's 12 x 7?", "12 times 7 is 84."),
    ("twelve times seven", "12 times 7 is 84."),
    ("what is for times too", "4 times 2 is 8."),
    ("what is fifteen percent of eighty", "15 percent of 80 is 12."),
    ("what is 30% off 279", "30 percent off 279 is 195.3."),
    ("what is an 18 percent tip on 20 dollars", "18 percent of 20 dollars is 3.6."),
    ("one hundred minus seven times three", "100 minus 7 times 3 is 79."),
    ("what is zero point one plus zero point two", "0.1 plus 0.2 is 0.3."),
    ("the square root of two", "The square root of 2 is about 1.414."),
    ("what is the square root of 144", "The square root of 144 is 12."),
    ("two to the power of ten", "2 to the power of 10 is 1,024."),
    ("what is 3 to the 6th power", "3 to the power of 6 is 729."),
    ("five squared", "5 squared is 25."),
    ("eight factorial", "8 factorial is 40,320."),
    ("what is half of thirty", "Half of 30 is 15."),
    ("what is 3/4 of 18", "3 divided by 4 of 18 is 13.5."),
    ("10 / 3", "10 divided by 3 is about 3.333."),
    ("add 456 and 781", "456 plus 781 is 1,237."),
    ("subtract three from ten", "10 minus 3 is 7."),
    ("multiply six by seven", "6 times 7 is 42."),
    ("divide twenty by four", "20 divided by 4 is 5."),
    ("how many times does 12 go into 600", "600 divided by 12 is 50."),
    ("what is the sum of 3 and 5", "3 plus 5 is 8."),
    ("what is the average of three four and eight", "The average is 5."),
    ("ten divided by zero", "Dividing by zero has no answer."),
    ("the square root of minus one", "A root of a negative number is no real number."),
    ("two to the power of nine hundred", "That number is too large for me."),
    ("fifty factorial", "I can do factorials of whole numbers up to forty."),
]


@pytest.mark.parametrize(("text", "answer"), ANSWERS)
def test_answers(text, answer):
    assert ask(SKILLS, text) == (answer, [])


@pytest.mark.parametrize(
    "words", ["", "twelve", "times", "twelve times", "times seven", "five of ten", "five six plus one"]
)
def test_what_is_no_sum_is_none(words):
    assert evaluate(words.split()) is None


OPERATORS = {"plus": "+", "minus": "-", "times": "*", "divided by": "/"}


@given(st.lists(st.integers(0, 999), min_size=2, max_size=5), st.data())
def test_values_agree_with_python(numbers, data):
    words, expression = spell(numbers[0]), f"Fraction({numbers[0]})"
    for number in numbers[1:]:
        operator = data.draw(st.sampled_from(sorted(OPERATORS)))
        words += f" {operator} {spell(number)}"
        expression += f" {OPERATORS[operator]} Fraction({number})"
    try:
        expected = eval(expression, {"Fraction": Fraction})
    except ZeroDivisionError:
        with pytest.raises(Undefined):
            evaluate(words.split())
    else:
        assert evaluate(words.split())[0] == expected


WORDS = sorted(word_set("one two point minus percent of off times over squared half a the root square to power and"))


@given(st.lists(st.sampled_from(WORDS), max_size=8))
def test_any_words_are_a_sum_or_none_or_undefined(words):
    try:
        found = evaluate(words)
    except Undefined:
        return
    assert found is None or isinstance(found[0], Fraction)
