from __future__ import annotations

import pytest

from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.kept_facts import kept_facts
from tests.models.interaction.asking import ask, heard, request

SKILLS = Skills()
HISTORY = heard(
    ("user", "remember that my car is parked on level three", 10),
    ("assistant", "I will remember that your car is parked on level three.", 14),
    ("anna", "the meeting about the budget is on thursday", 24),
    ("user", "um I like the red bicycle best", 40),
    ("user", "did I say that the car is red", 60),
)

ANSWERS = [
    ("remember that my car is parked on level three", "I will remember that your car is parked on level three."),
    ("Please remember: the code is 4711.", "I will remember that the code is 4711."),
    ("where is my car", "Two minutes ago you told me: my car is parked on level three."),
    ("where did i park the car", "Two minutes ago you told me: my car is parked on level three."),
    ("do you remember my car", "Two minutes ago you told me: my car is parked on level three."),
    ("what do you remember", "Two minutes ago you told me: my car is parked on level three."),
    ("what did i say about the car", 'Two minutes ago you said: "remember that my car is parked on level three"'),
    ("what did i say about bicycles", 'One minute ago you said: "I like the red bicycle best"'),
    ("what did i say about giraffes", "You have not said anything about giraffes yet."),
    ("what did you say about giraffes", "I have not said anything about giraffes yet."),
    ("what did anna say about giraffes", "anna has not said anything about giraffes yet."),
    ("what was said about giraffes", "Nobody has said anything about giraffes yet."),
    ("what did anna say about the budget", 'One minute ago anna said: "the meeting about the budget is on thursday"'),
    (
        "what did you say about the car",
        'One minute ago I said: "I will remember that your car is parked on level three"',
    ),
    ("did anybody mention the meeting", 'One minute ago anna said: "the meeting about the budget is on thursday"'),
    ("what did i just say", '40 seconds ago you said: "did I say that the car is red"'),
]


def test_what_was_told_of_what_was_said_is_not_told_again():
    told = heard(
        ("assistant", 'One minute ago I said: "I will remember that your car is parked. It is red"', 70),
        ("assistant", "I have not said anything about cars on the moon yet.", 80),
    )
    answer, _ = ask(SKILLS, "what did you say about the car", history=(*HISTORY, *told))
    assert answer == 'One minute ago I said: "I will remember that your car is parked on level three"'


@pytest.mark.parametrize(("text", "answer"), ANSWERS)
def test_answers_from_the_history_alone(text, answer):
    assert ask(SKILLS, text, history=HISTORY) == (answer, [])


def test_nothing_is_remembered_that_was_not_heard():
    assert ask(SKILLS, "what do you remember")[0] == "You have not asked me to remember anything."
    assert ask(SKILLS, "what did i just say")[0] == "You have not said anything before this."
    said_by_assistant = heard(("assistant", "remember that the shop is closed", 10))
    assert kept_facts(request("", history=said_by_assistant)) == []


def test_the_latest_of_two_facts_counts():
    history = heard(
        ("user", "remember that my car is on level three", 10), ("user", "remember that my car is on level five", 70)
    )
    assert "level five" in ask(SKILLS, "where is my car", history=history)[0]


def test_what_is_forgotten_does_not_come_back():
    history = (*HISTORY, *heard(("user", "forget what i said about the car", 80)))
    assert kept_facts(request("", history=history)) == []
    assert "parked" not in ask(SKILLS, "where is my car", history=history)[0]
    assert ask(SKILLS, "forget everything", history=HISTORY)[0] == "I will not bring that up again."


def test_facts_are_found_behind_politeness_and_in_any_sentence():
    history = heard(("user", "Hello. Okay, could you remember that the key is under the mat? Thanks.", 10))
    assert [fact.text for fact in kept_facts(request("", history=history))] == ["the key is under the mat"]


def test_remembering_to_do_something_is_no_fact():
    assert kept_facts(request("", history=heard(("user", "remember to buy milk", 10)))) == []
