from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.skills.dates import (
    WEEKDAYS,
    parse_clock_time,
    parse_date,
    parse_moment,
    say_date,
    say_time,
)

TODAY = date(2026, 11, 22)  # a Sunday
NOW = datetime(2026, 11, 22, 14, 31)

DATES = [
    ("today", date(2026, 11, 22)),
    ("tomorrow", date(2026, 11, 23)),
    ("yesterday", date(2026, 11, 21)),
    ("the day after tomorrow", date(2026, 11, 24)),
    ("friday", date(2026, 11, 27)),
    ("this friday", date(2026, 11, 27)),
    ("next friday", date(2026, 11, 27)),
    ("last friday", date(2026, 11, 20)),
    ("a week from friday", date(2026, 12, 4)),
    ("in ten days", date(2026, 12, 2)),
    ("two weeks from now", date(2026, 12, 6)),
    ("ten days ago", date(2026, 11, 12)),
    ("march third", date(2027, 3, 3)),
    ("the third of march", date(2027, 3, 3)),
    ("march 3rd 2028", date(2028, 3, 3)),
    ("december twenty fifth", date(2026, 12, 25)),
    ("march third twenty twenty eight", date(2028, 3, 3)),
    ("february twenty ninth", date(2028, 2, 29)),
    ("christmas", date(2026, 12, 25)),
    ("new year's eve", date(2026, 12, 31)),
]


@pytest.mark.parametrize(("words", "day"), DATES)
def test_reads_days(words, day):
    assert parse_date(words.split(), TODAY) == day


@pytest.mark.parametrize(
    "words", ["", "soon", "march", "february thirtieth", "the thirty second of march", "in days", "in a million days"]
)
def test_what_is_no_day_is_none(words):
    assert parse_date(words.split(), TODAY) is None


def test_next_weekday_is_in_the_next_calendar_week():
    monday = date(2026, 11, 23)
    assert parse_date(["friday"], monday) == date(2026, 11, 27)
    assert parse_date(["next", "friday"], monday) == date(2026, 12, 4)


CLOCK_TIMES = [
    ("five", time(5), False),
    ("five pm", time(17), True),
    ("at five thirty", time(5, 30), False),
    ("five oh three", time(5, 3), False),
    ("half past five", time(5, 30), False),
    ("quarter to six", time(5, 45), False),
    ("a quarter past five pm", time(17, 15), True),
    ("ten minutes to nine", time(8, 50), False),
    ("noon", time(12), True),
    ("midnight", time(0), True),
    ("twelve am", time(0), True),
    ("twelve pm", time(12), True),
    ("17:30", time(17, 30), True),
    ("five oclock", time(5), False),
    ("six in the morning", time(6), True),
    ("eight tonight", time(20), True),
]


@pytest.mark.parametrize(("words", "clock_time", "certain"), CLOCK_TIMES)
def test_reads_times_of_day(words, clock_time, certain):
    assert parse_clock_time(words.split()) == (clock_time, certain)


@pytest.mark.parametrize("words", ["", "thirty", "25:00", "five sixty", "oclock", "am", "banana"])
def test_what_is_no_time_of_day_is_none(words):
    assert parse_clock_time(words.split()) is None


MOMENTS = [
    ("five", datetime(2026, 11, 22, 17)),
    ("two", datetime(2026, 11, 23, 2)),
    ("five am", datetime(2026, 11, 23, 5)),
    ("noon", datetime(2026, 11, 23, 12)),
    ("tomorrow at nine", datetime(2026, 11, 23, 9)),
    ("tomorrow morning at six", datetime(2026, 11, 23, 6)),
    ("six tomorrow evening", datetime(2026, 11, 23, 18)),
    ("six am on friday", datetime(2026, 11, 27, 6)),
    ("friday at noon", datetime(2026, 11, 27, 12)),
]


@pytest.mark.parametrize(("words", "moment"), MOMENTS)
def test_reads_the_next_such_moment(words, moment):
    assert parse_moment(words.split(), NOW) == moment


@given(st.times(), st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)))
def test_a_said_time_reads_back_and_lies_ahead_within_a_day(clock_time, now):
    said = say_time(clock_time).lower().split()
    moment = parse_moment(said, now)
    assert moment is not None
    assert timedelta(0) < moment - now <= timedelta(days=1)
    assert (moment.hour, moment.minute) == (clock_time.hour, clock_time.minute)


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_said_date_reads_back(day):
    weekday, month_and_day, year = say_date(day, year=True).lower().split(", ")
    assert weekday == WEEKDAYS[day.weekday()]
    assert parse_date([*month_and_day.split(), year], TODAY) == day


def test_times_are_written_as_a_synthesizer_reads_them():
    assert [say_time(time(*parts)) for parts in ((15, 45), (15, 0), (12, 0), (0, 0), (0, 5))] == [
        "3:45 PM",
        "3 PM",
        "noon",
        "midnight",
        "12:05 AM",
    ]
