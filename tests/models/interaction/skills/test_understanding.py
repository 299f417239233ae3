from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.interaction.contract import Control
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.understanding import taken_whole
from duplex.models.turn_taking.word_lists import word_set
from tests.models.interaction.asking import ask, heard, request

SKILLS = Skills()
TIME = "It is 2:31 PM."
TEN_SECONDS = Control("timer", text="Your ten second timer is done.", at=110.0)

TURNS = [
    ("what time is it and set a timer for ten seconds", f"{TIME} Timer set for ten seconds.", [TEN_SECONDS]),
    ("what time is it set a timer for ten seconds", f"{TIME} Timer set for ten seconds.", [TEN_SECONDS]),
    ("What time is it? Set a timer for ten seconds.", f"{TIME} Timer set for ten seconds.", [TEN_SECONDS]),
    (
        "uh okay could you tell me um what time it is and then set a timer for ten seconds please",
        f"{TIME} Timer set for ten seconds.",
        [TEN_SECONDS],
    ),
    ("What time is. It?", TIME, []),
    ("hello what time is it", TIME, []),
    ("stop what time is it", TIME, []),
    ("i have a cake in the oven so set a timer for ten seconds", "Timer set for ten seconds.", [TEN_SECONDS]),
    (
        "I went home early yesterday and it was very nice there. Set a timer for ten seconds.",
        "Timer set for ten seconds.",
        [TEN_SECONDS],
    ),
    ("what time is it the", TIME, []),
    ("what what time what time is it", TIME, []),
    ("said a timer for ten seconds", "Timer set for ten seconds.", [TEN_SECONDS]),
    (
        "remember that my bike is red and my car is blue",
        "I will remember that your bike is red and your car is blue.",
        [],
    ),
]


@pytest.mark.parametrize(("text", "answer", "controls"), TURNS)
def test_finds_the_requests_in_a_turn(text, answer, controls):
    assert ask(SKILLS, text) == (answer, controls)


def test_a_request_inside_a_request_is_its_own():
    _, controls = ask(SKILLS, "remind me in ten minutes to call mom and set a timer for five minutes")
    assert [control.text for control in controls] == ["Reminder: call mom.", "Your five minute timer is done."]


@pytest.mark.parametrize("text", ["", "the", "mhm", "uh huh", "yeah right", "um", "...", "!?"])
def test_noise_gets_no_answer(text):
    assert ask(SKILLS, text) == ("", [])


def test_help_offers_every_skill():
    said, _ = ask(SKILLS, "what can you do")
    assert all(skill.offer in said for skill in SKILLS.skills)


def test_taken_whole_tolerates_nothing_left_over():
    assert taken_whole(request("what time is it"), SKILLS.skills) is not None
    assert taken_whole(request("what time is it the"), SKILLS.skills) is None
    assert taken_whole(request("i have a cake in the oven so set a timer for ten seconds"), SKILLS.skills) is None
    assert taken_whole(request(""), SKILLS.skills) is None


def test_the_same_request_gives_the_same_answer():
    for text, *_ in TURNS:
        assert ask(SKILLS, text) == ask(Skills(), text)


VOCABULARY = sorted(
    word_set(
        "what time is it in tokyo and set a timer for five minutes remind me to the of how many feet are two plus "
        "times percent remember that my car stop repeat did say about cancel at next friday half past um tell could"
    )
)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(VOCABULARY), max_size=30))
def test_any_words_get_an_answer_without_error(words):
    said, controls = ask(SKILLS, " ".join(words), history=heard(("user", "remember that my car is red", 50)))
    assert isinstance(said, str)
    assert all(control.at >= 100.0 for control in controls if control.action == "timer")


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gets_an_answer_without_error(text):
    ask(SKILLS, text)
