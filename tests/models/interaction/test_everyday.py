"""Everyday turns without a model: about itself, simple facts, and asking back where it is unsure."""

from __future__ import annotations

import pytest

from duplex.models.interaction.contract import Control
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.unclear import AGAIN
from tests.benchmarks.open_questions import TURNS
from tests.models.interaction.asking import ask, heard

SKILLS = Skills()
TIMER = Control("timer", text="Your egg timer is done.", at=160.0)
ALARM = Control("timer", text="It is 7 AM. This is your alarm.", at=900.0)
CALL = Control("timer", text="Reminder: call Ann.", at=700.0)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("are you listening to me all the time", "stays on this machine"),
        ("Can you see me?", "only hear"),
        ("do you work without the internet", "no network"),
        ("nice to meet you, I'm Tom", "Nice to meet you, Tom."),
        ("what's my name", "have not told me"),
        ("what's the capital of France", "Paris."),
        ("capital of the Netherlands", "Amsterdam."),
        ("what is America's capital", "Washington, D.C."),
        ("how do you spell necessary", "N, E, C, E, S, S, A, R, Y"),
        ("Why is the sky blue?", "blue light"),
        ("when is easter", "March 28, 2027"),
        ("when is thanksgiving", "November 26"),
        ("how many days are in February", "28, and 29 in a leap year"),
        ("make a note to water the plants", "on your to do list"),
        ("let's talk about football", "little about football"),
        ("will it rain tomorrow", "cannot look up the weather"),
        ("turn on the lights", "switch lights"),
        ("set an alarm for 7", "Alarm set for 7 PM"),
        ("my grandmother died last week", "sorry to hear"),
        ("we won the game", "good to hear"),
    ],
)
def test_everyday_turns(text: str, part: str) -> None:
    assert part in ask(SKILLS, text)[0]


def test_a_name_is_known_once_it_was_said() -> None:
    history = heard(("user", "Hello, my name is Mary Ann.", 10), ("assistant", "Nice to meet you, Mary Ann.", 12))
    assert ask(SKILLS, "what is my name", history=history)[0] == "You are Mary Ann."


def test_a_name_that_is_to_be_forgotten_is() -> None:
    told = [("user", "my name is Bob", 10.0), ("assistant", "Nice to meet you, Bob.", 12.0)]
    assert ask(SKILLS, "forget my name", history=heard(*told))[0] == "I will not bring your name up again."
    told += [("user", "forget my name", 20.0), ("assistant", "I will not bring your name up again.", 22.0)]
    assert ask(SKILLS, "what is my name", history=heard(*told))[0] == "You have not told me your name."


@pytest.mark.parametrize(
    ("set_one", "answer", "timer", "gone"),
    [
        ("set a timer for eggs for one minute", "Timer set for one minute.", TIMER, "The timer is cancelled."),
        ("set an alarm for 7", "Alarm set for 7 PM.", ALARM, "The alarm is cancelled."),
        ("remind me to call Ann at 5", "I will remind you at 5 PM to call Ann.", CALL, "The reminder is cancelled."),
    ],
)
def test_cancel_it_means_what_was_just_set(set_one, answer, timer, gone) -> None:
    history = heard(("user", set_one, 10), ("assistant", answer, 12))
    assert ask(SKILLS, "cancel it", history=history, timers=(timer,))[0] == gone
    said, (stop,) = ask(SKILLS, "cancel it", history=heard(("assistant", "Paris.", 12)), timers=(timer,))
    assert not said and stop.action == "stop", "it is what is being said"


def test_a_reminder_for_a_day_asks_for_the_time_and_keeps_the_day() -> None:
    assert ask(SKILLS, "remind me tomorrow to call Ann")[0] == "At what time?"
    history = heard(("user", "remind me tomorrow to call Ann", 10), ("assistant", "At what time?", 12))
    assert ask(SKILLS, "at five pm", history=history)[0] == "I will remind you at 5 PM tomorrow to call Ann."


@pytest.mark.parametrize("text", ["okay", "never mind", "stop", "forget that"])
def test_who_writes_is_always_answered(text: str) -> None:
    assert ask(SKILLS, text, typed=True)[0] == "All right."
    assert ask(SKILLS, text)[0] == ""


def test_another_one_is_a_joke_only_after_a_joke() -> None:
    joke = ask(SKILLS, "tell me a joke")[0]
    after = heard(("user", "tell me a joke", 10), ("assistant", joke, 14))
    assert ask(SKILLS, "another one", history=after)[0] not in ("", joke)
    assert "?" not in ask(SKILLS, "another one", history=heard(("user", "hi", 10), ("assistant", "Hello.", 12)))[0]


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("let's fifteen percent and eighty", "What should I calculate?"),
        ("Convert miles.", "What should I convert"),
        ("remind me in some", "When should I remind you"),
        ("time in the", AGAIN[0]),
        ("seven", "What about seven?"),
    ],
)
def test_what_is_unclear_is_asked_back(text: str, asked: str) -> None:
    assert asked in ask(SKILLS, text)[0]


@pytest.mark.parametrize("text", ["what is fifteen percent", "two plus two and what time is it"])
def test_what_is_clear_is_not(text: str) -> None:
    assert "I heard" not in ask(SKILLS, text)[0]


def test_what_was_heard_badly_is_asked_back_unless_a_rule_takes_it_whole() -> None:
    assert ask(SKILLS, "the gray seal or flew", confidence=0.3)[0] in AGAIN
    assert ask(SKILLS, "the gray seal or flew", confidence=0.9)[0] not in AGAIN
    assert ask(SKILLS, "what time is it", confidence=0.3)[0] == "It is 2:31 PM."


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("cancel the alarm", [TIMER, CALL]),
        ("cancel my reminder", [TIMER, ALARM]),
        ("cancel the timer", [ALARM, CALL]),
        ("cancel all timers", []),
    ],
)
def test_only_the_kind_that_is_named_is_cancelled(text: str, kept: list[Control]) -> None:
    _, controls = ask(SKILLS, text, timers=(TIMER, CALL, ALARM))
    assert controls[0].action == "cancel_timers"
    assert controls[1:] == sorted(kept, key=[TIMER, CALL, ALARM].index)


@pytest.mark.parametrize("text", [turn for turns in TURNS.values() for turn in turns])
def test_no_turn_is_without_an_answer(text: str) -> None:
    said, controls = ask(SKILLS, text)
    assert said or controls
