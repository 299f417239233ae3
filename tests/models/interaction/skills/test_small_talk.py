"""What people say to see what a program says: small talk, chance, lists, and what is beyond it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.answerer import CONNECTING
from duplex.models.interaction.skills.beyond import ACKNOWLEDGED
from duplex.models.interaction.tools.builtin.jokes import JOKES
from tests.models.interaction.asking import ask, heard

SKILLS = Skills()
WORDS = [
    "the",
    "a",
    "list",
    "on",
    "put",
    "my",
    "shopping",
    "joke",
    "what",
    "is",
    "tell",
    "coin",
    "of",
    "roll",
    "dice",
    "i",
    "am",
]


def talk(*turns: str) -> list[str]:
    """What is said to each turn, one after the other."""
    history: list[tuple[str, str, float]] = []
    said = []
    for number, turn in enumerate(turns):
        answer, _ = ask(SKILLS, turn, history=heard(*history), now=10.0 * number)
        said.append(answer)
        history += [("user", turn, 10.0 * number + 1)] + ([("assistant", answer, 10.0 * number + 5)] if answer else [])
    return said


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("I am so tired today.", "rest"),
        ("i'm feeling a bit sad", "sorry to hear"),
        ("My dog is sick.", "sorry to hear"),
        ("I just got a new job!", "good to hear"),
        ("you are very funny", "Thank you"),
        ("That is wrong.", "once more"),
        ("How old are you?", "began"),
        ("Where do you live?", "this machine"),
        ("Who made you?", "People"),
        ("can you sing something for me", "program"),
        ("what's up", "listening"),
    ],
)
def test_small_talk(text: str, part: str) -> None:
    assert part in talk(text)[0]


def test_no_joke_is_told_twice() -> None:
    told = talk(*["Tell me a joke."] * (len(JOKES) + 1))
    assert told[:-1] == list(JOKES)
    assert "your turn" in told[-1]


def test_a_list_holds_what_was_put_on_it() -> None:
    said = talk(
        "Add milk, some eggs and bread to my shopping list.",
        "put the Red Paint on the list",
        "Take the milk off my shopping list.",
        "Take the milk off my shopping list.",
        "What's on my shopping list?",
        "add call mother to my work list",
        "what do I need to buy",
        "clear my shopping list",
        "what is on my shopping list",
        "what is on my work list",
    )
    assert said[0] == "Milk, eggs and bread are on your shopping list."
    assert said[2] == "Milk is off your shopping list."
    assert said[3] == "That is not on your shopping list."
    assert said[4] == said[6] == "On your shopping list: eggs, bread, Red Paint."
    assert said[8] == "Your shopping list is empty."
    assert said[9] == "On your work list: call mother."


@pytest.mark.parametrize("text", ["flip a coin", "Toss a coin for me.", "heads or tails"])
def test_a_coin_falls_on_both_sides_and_the_same_way_at_the_same_moment(text: str) -> None:
    falls = [ask(SKILLS, text, now=float(now))[0] for now in range(30)]
    assert set(falls) == {"Heads.", "Tails."}
    assert falls == [ask(SKILLS, text, now=float(now))[0] for now in range(30)]


def test_dice_and_numbers_are_within_their_bounds() -> None:
    for now in range(40):
        assert ask(SKILLS, "roll a die", now=float(now))[0].strip(".") in "123456"
        assert 20 <= int(ask(SKILLS, "Pick a number between twenty five and 20.", now=float(now))[0].strip(".")) <= 25
    assert len(ask(SKILLS, "roll three dice")[0].split(",")) == 3


@pytest.mark.parametrize(
    "text",
    [
        "My sister Emma is coming from Boston on Thursday.",
        "When we came home the door was open.",
        "i had soup for lunch",
    ],
)
def test_a_statement_is_acknowledged_and_no_menu_is_read(text: str) -> None:
    assert talk(text)[0] in ACKNOWLEDGED


def test_acknowledgements_change() -> None:
    said = talk("The cat is black.", "The dog is brown.", "The bird is green.")
    assert len(set(said)) == 3


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("What's the weather like today?", "network"),
        ("Read me the news.", "network"),
        ("Play some music.", "nothing here"),
        ("Can you order a pizza?", "nothing here"),
        ("Who won the world cup?", "do not know"),
        ("Translate this letter.", "cannot"),
    ],
)
def test_a_refusal_is_short_and_about_the_thing_asked(text: str, part: str) -> None:
    said = talk(text)[0]
    assert part in said
    assert len(said.split()) <= 20


def test_how_to_connect_a_model_is_said_once() -> None:
    said = talk("Who won the world cup?", "What is the capital of France?", "Explain gravity.")
    assert [CONNECTING in each for each in said] == [True, False, False]
    assert len(set(said)) == 3


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from(WORDS)))
def test_any_words_get_a_sane_answer(words: list[str]) -> None:
    said, _ = ask(SKILLS, " ".join(words))
    assert len(said) < 400
