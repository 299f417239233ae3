from __future__ import annotations

import pytest

from duplex.models.interaction.skills import Skills
from tests.models.interaction.asking import ask, heard

SKILLS = Skills()

ANSWERS = [
    ("what time is it", "It is 2:31 PM."),
    ("what's the time", "It is 2:31 PM."),
    ("could you please tell me what time it is", "It is 2:31 PM."),
    ("do you know what time it is right now", "It is 2:31 PM."),
    ("time is it", "It is 2:31 PM."),
    ("what time is it in tokyo", "In Tokyo it is 11:31 PM."),
    ("what's the time in new york", "In New York it is 9:31 AM."),
    ("what time is it in sydney right now", "In Sydney it is 1:31 AM, tomorrow."),
    ("what time is it in honolulu", "In Honolulu it is 4:31 AM."),
    ("time in houston texas", "In Houston it is 8:31 AM."),
    ("what time is it in reykjavick", "In Reykjavik it is 2:31 PM."),
    ("what time is it in australia", "In Sydney it is 1:31 AM, tomorrow."),
    ("what time is it in tokyo and in london", "In Tokyo it is 11:31 PM and in London it is 2:31 PM."),
    ("what time is it in atlantis", "I do not know the time zone of atlantis."),
    ("what is the time difference between london and tokyo", "London is nine hours behind Tokyo."),
    ("what is the time difference between paris and berlin", "Paris and Berlin have the same time."),
    ("what time zone is denver in", "Denver is seven hours behind UTC."),
    ("what time will it be in two hours", "In two hours it will be 4:31 PM."),
    ("what day is it", "It is Sunday, November 22, 2026."),
    ("what is the date today", "It is Sunday, November 22, 2026."),
    ("what's today's date", "It is Sunday, November 22, 2026."),
    ("what day is it tomorrow", "Tomorrow is Monday, November 23."),
    ("can you tell me tomorrow's date", "Tomorrow is Monday, November 23."),
    ("what is the date next friday", "Next Friday is Friday, November 27."),
    ("what day was yesterday", "Yesterday was Saturday, November 21."),
    ("what day is the third of march", "The third of March is Wednesday, March 3, 2027."),
    ("when is christmas", "Christmas is Friday, December 25."),
    ("how many days until christmas", "It is 33 days until Friday, December 25."),
    ("how long until five pm", "It is two hours and 29 minutes until 5 PM."),
    ("what year is it", "It is November 2026, week 47."),
]


@pytest.mark.parametrize(("text", "answer"), ANSWERS)
def test_answers(text, answer):
    assert ask(SKILLS, text) == (answer, [])


def test_another_city_may_be_asked_for_after_the_first():
    before = heard(("user", "what time is it in tokyo", 90), ("assistant", "In Tokyo it is 11:31 PM.", 95))
    assert ask(SKILLS, "and in london", history=before) == ("In London it is 2:31 PM.", [])
    other = heard(("user", "what is two plus two", 90))
    assert "London" not in ask(SKILLS, "and in london", history=other)[0]
