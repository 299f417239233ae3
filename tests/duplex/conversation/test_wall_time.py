from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from duplex.conversation.speaking.announcements import Announcements
from duplex.conversation.wall_time import WallTime
from duplex.models.interaction.contract import Control, Request
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import SystemClock, VirtualClock
from duplex.testing import Answer, ScriptedAnswerer, UserSpeech, converse, scripted_engines

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
EVENING = datetime(2026, 3, 28, 22, tzinfo=UTC).timestamp()
"""23:00 in Berlin, four hours before its clocks go forward."""


@pytest.fixture(autouse=True)
def berlin(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Berlin")
        time.tzset()
        yield
    time.tzset()


class SuspendedClock(SystemClock):
    """A computer whose lid can be closed: only its wall time goes on meanwhile."""

    def __init__(self) -> None:
        self.at, self.asleep = EVENING, 0.0

    def wall(self) -> float:
        return self.at

    def suspended(self) -> float:
        return self.asleep

    def close_lid(self, seconds: float) -> None:
        self.at, self.asleep = self.at + seconds, self.asleep + seconds


def test_a_live_session_asks_the_system_for_the_time() -> None:
    clock = SuspendedClock()
    wall_time = WallTime(clock)
    assert wall_time.at(0.0).isoformat() == wall_time.start.isoformat() == "2026-03-28T23:00:00+01:00"
    clock.close_lid(8 * 3600)
    assert wall_time.at(10.0).isoformat() == "2026-03-29T08:00:00+02:00"
    assert wall_time.suspended() == 8 * 3600
    assert wall_time.suspended() == 0.0


def test_a_recording_keeps_its_own_time() -> None:
    clock = SuspendedClock()
    wall_time = WallTime(clock, datetime.fromisoformat("2026-10-24T23:00+02:00"))
    clock.close_lid(3600)
    assert wall_time.at(8 * 3600).isoformat() == "2026-10-25T06:00:00+01:00"
    assert wall_time.suspended() == 0.0


def test_virtual_time_passes_by_the_seconds_heard() -> None:
    wall_time = WallTime(VirtualClock())
    assert wall_time.at(5e6).timestamp() - wall_time.start.timestamp() == pytest.approx(5e6)


def test_the_clocks_behind_a_suspension_are_read_one_after_the_other() -> None:
    clock = SuspendedClock()
    wall_time, total = WallTime(clock), 0.0
    for _ in range(32):
        clock.asleep += 0.125
        total += wall_time.suspended()
    assert total == 4.0


def test_a_timer_rings_after_a_suspension_when_it_would_have_rung_without() -> None:
    announcements = Announcements()
    announcements.set_timers([Control("timer", text="Tea.", at=600.0), Control("timer", text="Bath.", at=60.0)])
    announcements.tick(10 * SAMPLE_RATE)
    announcements.tick(11 * SAMPLE_RATE, 500.0)
    assert announcements.take() == "Bath."
    assert [timer.at for timer in announcements.timers] == [100.0]
    announcements.tick(100 * SAMPLE_RATE)
    assert announcements.take() == "Tea."


@pytest.mark.parametrize("start", ["2026-03-29T01:59:59", "2026-03-29T01:59:59+01:00"])
def test_a_request_has_the_local_time_of_its_own_moment(start: str) -> None:
    asked: list[Request] = []

    def choose(request: Request) -> Answer:
        asked.append(request)
        return Answer("yes")

    sound = UserSpeech(0.5, 1.5, "what time is it")
    engines = scripted_engines([sound])
    engines.answerer = ScriptedAnswerer(choose=choose)
    converse([sound], engines=engines, settings=Settings(wall_time=start))
    assert asked[0].wall_time.strftime("%H:%M %z") == "03:00 +0200"
