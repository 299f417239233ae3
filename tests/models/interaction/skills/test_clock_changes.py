"""Times of day at their edges: changes of summer time, midnight, noon, the small hours."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.dates import parse_moment
from tests.models.interaction.asking import NOW, ask

BERLIN = ZoneInfo("Europe/Berlin")
SPRING, AUTUMN = datetime(2026, 3, 28, 23, 0, tzinfo=BERLIN), datetime(2026, 10, 24, 23, 0, tzinfo=BERLIN)
LATE = datetime(2026, 11, 27, 23, 50, tzinfo=BERLIN)
"""A Friday."""


@pytest.mark.parametrize(
    ("text", "now", "hours"),
    [
        ("wake me up at seven", SPRING, 7),
        ("wake me up at seven", AUTUMN, 9),
        ("remind me tomorrow at nine to call", SPRING, 9),
        ("set an alarm for noon", AUTUMN, 14),
        ("wake me up in eight hours", SPRING, 8),
    ],
)
def test_alarms_ring_after_the_real_time(text, now, hours):
    _, controls = ask(Skills(), text, wall_time=now)
    assert controls[0].at - NOW == hours * 3600


@pytest.mark.parametrize(
    ("text", "now", "said"),
    [
        ("how long until seven a m", SPRING, "It is seven hours until 7 AM."),
        ("what time will it be in three hours", datetime(2026, 3, 29, 1, 0, tzinfo=BERLIN), "it will be 5 AM."),
        ("set an alarm for two thirty a m", SPRING, "Alarm set for 3:30 AM tomorrow."),
        ("set an alarm for midnight tomorrow", LATE, "Alarm set for midnight tomorrow."),
        ("set an alarm for midnight", LATE, "Alarm set for midnight."),
        ("set a timer for one hour fifteen minutes and ten seconds", LATE, "one hour, 15 minutes and ten seconds"),
        ("set a timer for ninety seconds", LATE, "one minute and 30 seconds"),
    ],
)
def test_what_is_said(text, now, said):
    assert said in ask(Skills(), text, wall_time=now)[0]


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        ("midnight tomorrow", "2026-11-29T00:00"),
        ("tomorrow at midnight", "2026-11-29T00:00"),
        ("midnight", "2026-11-28T00:00"),
        ("midnight tonight", "2026-11-28T00:00"),
        ("tonight at midnight", "2026-11-28T00:00"),
        ("sunday at midnight", "2026-11-30T00:00"),
        ("twelve at night", "2026-11-28T00:00"),
        ("twelve am", "2026-11-28T00:00"),
        ("tomorrow at twelve am", "2026-11-28T00:00"),
        ("tomorrow at twelve pm", "2026-11-28T12:00"),
        ("noon", "2026-11-28T12:00"),
        ("noon tomorrow", "2026-11-28T12:00"),
        ("two at night", "2026-11-28T02:00"),
        ("next friday at noon", "2026-12-04T12:00"),
    ],
)
def test_edges_of_the_day(words, moment):
    found = parse_moment(words.split(), LATE)
    assert (found and found.strftime("%Y-%m-%dT%H:%M")) == moment


def test_the_repeated_hour_may_be_meant():
    first = datetime(2026, 10, 25, 2, 50, tzinfo=BERLIN)
    found = parse_moment(["two", "thirty", "am"], first)
    assert found is not None and found.timestamp() - first.timestamp() == 40 * 60
