"""What of a turn is worth a note, and which notes bear on a turn."""

from __future__ import annotations

import pytest

from duplex.models.interaction.contract import Note
from duplex.models.interaction.memory.relevance import relevant
from duplex.models.interaction.memory.statements import worth_noting


@pytest.mark.parametrize(
    ("said", "noted"),
    [
        ("Remember that my bike is in the shed.", ("my bike is in the shed", "place of bik")),
        ("okay could you remember that the code is four two", ("the code is four two", "")),
        ("My name is Ann.", ("My name is Ann", "name")),
        ("please call me Bob", ("call me Bob", "name")),
        ("Remember my name is Ann", ("my name is Ann", "name")),
        ("I live in Berlin", ("I live in Berlin", "home")),
        ("i am allergic to peanuts", ("i am allergic to peanuts", "")),
        ("I'm a vegetarian.", ("I'm a vegetarian", "")),
        ("My favorite color is green", ("My favorite color is green", "favorite color")),
        ("my sister is called Eve", ("my sister is called Eve", "name of sister")),
        ("I like very dark chocolate", ("I like very dark chocolate", "")),
    ],
)
def test_what_is_noted(said, noted):
    assert list(worth_noting(said)) == [noted]


@pytest.mark.parametrize(
    "said",
    [
        "I like that",
        "I like it very much",
        "call me later",
        "what is my name",
        "set a timer for five minutes",
        "I live in hope that you will one day tell me a joke that I have not heard before",
        "do you remember my name",
        "remember to stop",
        "he said my name is hard to say and nobody can ever get it right at all",
        "",
    ],
)
def test_what_is_not(said):
    assert list(worth_noting(said)) == []


def test_few_notes_all_bear_and_of_many_those_that_share_rare_words():
    few = [Note(f"fact {number}", "user", 0.0) for number in range(3)]
    assert relevant(few, "hello") == few
    many = [Note(f"the number of thing {number} is {number}", "user", 0.0) for number in range(30)]
    bike = Note("my bike is in the shed", "user", 0.0)
    assert relevant([*many, bike], "where did I leave my bike")[0] == bike
    assert relevant([*many, bike], "tell me a joke") == []
