"""Requests of which a word was misheard, indirect questions, and what is asked back instead of guessed."""

from __future__ import annotations

import pytest

from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.indirect import direct
from duplex.models.interaction.skills.understanding import DID_YOU_SAY
from duplex.models.interaction.skills.words import sentences
from tests.models.interaction.asking import ask, heard, request

SKILLS = Skills()


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Said a pasta timer for eight minutes.", "Pasta timer set for eight minutes."),
        ("Flick a coin to decide.", ("Heads.", "Tails.")),
        ("Is to day Monday or Tuesday?", "It is Sunday, November 22, 2026."),
        ("What they will it be in ten days?", "In ten days is Wednesday, December 2."),
    ],
)
def test_one_word_that_was_misheard_is_made_good(text, answer):
    assert ask(SKILLS, text)[0] in (answer if isinstance(answer, tuple) else (answer,)), ask(SKILLS, text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "How would you like your steak?",
        "Who stole the sheets from the bed?",
        "I had the time of my life.",
        "We need a volunteer.",
        "Please write to me from time to time.",
        "That rope has to be coiled.",
        "My sister is coming on Thursday and she will bring her dog along.",
    ],
)
def test_other_talk_is_no_misheard_request(text):
    past = heard(("user", "put milk on my shopping list", 10), ("assistant", "Milk is on your shopping list.", 12))
    parts = SKILLS.understand(request(text, history=past))
    assert not [part.reply.call for part in parts if part.reply]


def test_what_cannot_be_taken_back_is_asked_back_first():
    listed = heard(("user", "put milk on my shopping list", 5), ("assistant", "Milk is on your shopping list.", 7))
    order = "Remote everything from the shopping list."
    said, _ = ask(SKILLS, order, history=listed)
    assert said == f"{DID_YOU_SAY} remove everything from the shopping list?"
    past = (*listed, *heard(("user", order, 10), ("assistant", said, 12)))
    assert ask(SKILLS, "Yes.", history=past)[0] == "Your shopping list is empty now."
    assert "empty" not in ask(SKILLS, "No.", history=past)[0]


@pytest.mark.parametrize(
    ("text", "question", "answer", "said"),
    [
        ("Set an alarm for seven-thirdium.", "For what time?", "7:30 am", "Alarm set for 7:30 AM tomorrow."),
        ("Set a timer for ten menace.", "For how long?", "ten minutes", "Timer set for ten minutes."),
    ],
)
def test_a_time_that_was_not_understood_is_asked_for(text, question, answer, said):
    assert ask(SKILLS, text)[0] == question
    past = heard(("user", text, 10), ("assistant", question, 12))
    assert ask(SKILLS, answer, history=past)[0] == said


@pytest.mark.parametrize(
    ("text", "questions"),
    [
        ("where my car is", {"where is my car", "where my is car"}),
        ("what time it will be in an hour", {"what will time it be in an hour", "what time will it be in an hour"}),
        ("where is my car", set()),
        ("my car is red", set()),
        ("", set()),
    ],
)
def test_indirect_questions_in_the_order_of_direct_ones(text, questions):
    words = tuple(word for sentence in sentences(text) for word in sentence)
    assert {" ".join(word.text for word in order) for order in direct(words)} == questions


def test_what_an_indirect_question_quotes_is_what_was_said():
    past = heard(("user", "remember that my car is on Level Three", 10))
    assert ask(SKILLS, "do you know where my car is", history=past)[0] == (
        "Two minutes ago you told me: my car is on Level Three."
    )
