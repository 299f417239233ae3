from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from duplex.models.interaction.contract import Control
from duplex.models.interaction.skills import Skills
from tests.models.interaction.asking import NOW, ask, heard

SKILLS = Skills()

SET = [
    ("set a timer for five minutes", "Timer set for five minutes.", "Your five minute timer is done.", 300),
    ("set a five minute timer", "Timer set for five minutes.", "Your five minute timer is done.", 300),
    (
        "could you start a timer for thirty seconds please",
        "Timer set for 30 seconds.",
        "Your 30 second timer is done.",
        30,
    ),
    ("set timer for to minutes", "Timer set for two minutes.", "Your two minute timer is done.", 120),
    ("set a time or for five minutes", "Timer set for five minutes.", "Your five minute timer is done.", 300),
    ("timer 5 minutes", "Timer set for five minutes.", "Your five minute timer is done.", 300),
    (
        "set a timer for one hour and ten minutes",
        "Timer set for one hour and ten minutes.",
        "Your timer for one hour and ten minutes is done.",
        4200,
    ),
    ("set a timer for five no ten minutes", "Timer set for ten minutes.", "Your ten minute timer is done.", 600),
    ("set a pasta timer for ten minutes", "Pasta timer set for ten minutes.", "Your pasta timer is done.", 600),
    ("set a timer for the pasta for ten minutes", "Pasta timer set for ten minutes.", "Your pasta timer is done.", 600),
    ("wake me up in an hour", "Timer set for one hour.", "Your one hour timer is done.", 3600),
    (
        "remind me in twenty seconds to check the oven",
        "I will remind you in 20 seconds to check the oven.",
        "Reminder: check the oven.",
        20,
    ),
    (
        "remind me to call my mother in half an hour",
        "I will remind you in 30 minutes to call your mother.",
        "Reminder: call your mother.",
        1800,
    ),
    (
        "remind me to check in at the hotel in ten minutes",
        "I will remind you in ten minutes to check in at the hotel.",
        "Reminder: check in at the hotel.",
        600,
    ),
    (
        "remind me to call bob at five pm",
        "I will remind you at 5 PM to call bob.",
        "Reminder: call bob.",
        2 * 3600 + 29 * 60,
    ),
    (
        "remind me tomorrow at nine about the meeting",
        "I will remind you at 9 AM tomorrow about the meeting.",
        "Reminder: the meeting.",
        18 * 3600 + 29 * 60,
    ),
    (
        "set an alarm for six thirty",
        "Alarm set for 6:30 PM.",
        "It is 6:30 PM. This is your alarm.",
        3 * 3600 + 59 * 60,
    ),
    (
        "wake me up at seven in the morning",
        "Alarm set for 7 AM tomorrow.",
        "It is 7 AM. This is your alarm.",
        16 * 3600 + 29 * 60,
    ),
]


@pytest.mark.parametrize(("text", "answer", "due", "after"), SET)
def test_sets_timers_on_the_session_clock(text, answer, due, after):
    assert ask(SKILLS, text) == (answer, [Control("timer", text=due, at=100.0 + after)])


def test_asks_for_what_is_missing_and_takes_the_answer():
    assert ask(SKILLS, "set a timer") == ("For how long?", [])
    history = heard(("user", "set a timer", 90), ("assistant", "For how long?", 92))
    said, controls = ask(SKILLS, "um five minutes", history=history)
    assert (said, controls[0].at) == ("Timer set for five minutes.", 400.0)

    assert ask(SKILLS, "remind me to water my plants") == ("When should I remind you?", [])
    history = heard(("user", "okay remind me to water my plants", 90), ("assistant", "When should I remind you?", 92))
    said, controls = ask(SKILLS, "in ten minutes", history=history)
    assert (said, controls[0].text) == (
        "I will remind you in ten minutes to water your plants.",
        "Reminder: water your plants.",
    )


def test_a_span_alone_is_no_request():
    assert ask(SKILLS, "five minutes")[1] == []


@pytest.mark.parametrize("text", ["set a timer for zero seconds", "set a timer for a hundred weeks"])
def test_refuses_what_is_no_time(text):
    said, controls = ask(SKILLS, text)
    assert controls == []
    assert "thirty days" in said


EGG = Control("timer", text="Your egg timer is done.", at=160.0)
CALL = Control("timer", text="Reminder: call your mother.", at=700.0)
CLEAR = Control("cancel_timers")


@pytest.mark.parametrize(
    ("text", "timers", "answer", "controls"),
    [
        ("cancel the timer", (), "No timer is running.", [CLEAR]),
        ("cancel the timer", (EGG,), "The timer is cancelled.", [CLEAR]),
        ("stop the timer", (EGG,), "The timer is cancelled.", [CLEAR]),
        ("cancel all timers", (EGG, CALL), "All two timers are cancelled.", [CLEAR]),
        ("cancel the egg timer", (EGG, CALL), "The timer is cancelled.", [CLEAR, CALL]),
        ("cancel the reminder to call my mother", (EGG, CALL), "The reminder is cancelled.", [CLEAR, EGG]),
        (
            "cancel the rice timer",
            (EGG,),
            "There is no such timer. One minute left on the egg timer.",
            [],
        ),
        ("how much time is left", (EGG,), "One minute left on the egg timer.", []),
        ("how long is left on the timer", (), "No timer is running.", []),
        (
            "what reminders do i have",
            (EGG, CALL),
            "One minute left on the egg timer. Ten minutes until the reminder: call your mother.",
            [],
        ),
    ],
)
def test_looks_after_pending_timers(text, timers, answer, controls):
    assert ask(SKILLS, text, timers=timers) == (answer, controls)


def test_does_not_take_every_cancel_for_a_timer():
    assert ask(SKILLS, "cancel my subscription to the newspaper", timers=(EGG,))[1] == []


BERLIN = ZoneInfo("Europe/Berlin")
ACROSS = [
    ("wake me up at seven", datetime(2026, 3, 28, 23), "Alarm set for 7 AM tomorrow.", 7 * 3600),
    ("wake me up at seven", datetime(2026, 10, 24, 23), "Alarm set for 7 AM tomorrow.", 9 * 3600),
    ("remind me tomorrow at nine to call", datetime(2026, 3, 28, 12), "9 AM tomorrow to call.", 20 * 3600),
    ("set an alarm for half past two am", datetime(2026, 3, 28, 23), "Alarm set for 3:30 AM tomorrow.", 3.5 * 3600),
    ("set an alarm for half past two am", datetime(2026, 10, 25, 2, 45), "Alarm set for 2:30 AM.", 45 * 60),
    ("set a timer for eight hours", datetime(2026, 3, 28, 23), "Timer set for eight hours.", 8 * 3600),
]


@pytest.mark.parametrize(("text", "wall_time", "answer", "after"), ACROSS)
def test_an_alarm_rings_at_its_local_time_across_a_change_of_the_clocks(text, wall_time, answer, after):
    said, (timer,) = ask(SKILLS, text, wall_time=wall_time.replace(tzinfo=BERLIN))
    assert said.endswith(answer)
    assert timer.at - NOW == after


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
def test_the_offset_of_the_moment_of_asking_is_not_kept(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        _, (timer,) = ask(SKILLS, "wake me up at seven", wall_time=datetime(2026, 3, 28, 23).astimezone())
    time.tzset()
    assert timer.at - NOW == 7 * 3600


def test_no_unit_that_was_asked_for_is_left_unsaid():
    said, _ = ask(SKILLS, "set a timer for an hour and fifteen minutes and ten seconds")
    assert said == "Timer set for one hour, 15 minutes and ten seconds."


@pytest.mark.parametrize(("moment", "after"), [("midnight", 600), ("midnight tomorrow", 87000)])
def test_the_midnight_of_a_day_is_the_one_that_ends_it(moment, after):
    said, (timer,) = ask(SKILLS, f"set an alarm for {moment}", wall_time=datetime(2026, 11, 27, 23, 50, tzinfo=BERLIN))
    assert said == f"Alarm set for {moment}."
    assert timer.at - NOW == after
