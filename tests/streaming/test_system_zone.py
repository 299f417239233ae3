from __future__ import annotations

import copy
import pickle
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.system_zone import SYSTEM_ZONE, in_system_zone, later, seconds_between

pytestmark = pytest.mark.skipif(not hasattr(time, "tzset"), reason="the zone cannot be set here")
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module", params=["Europe/Berlin", "CET-1CEST,M3.5.0,M10.5.0/3"], autouse=True)
def berlin(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@given(st.datetimes(datetime(1999, 1, 1), datetime(2036, 1, 1)))
def test_local_time_is_that_of_the_zone_at_every_moment(moment: datetime) -> None:
    stamp = moment.replace(tzinfo=UTC).timestamp()
    system, zone = datetime.fromtimestamp(stamp, SYSTEM_ZONE), datetime.fromtimestamp(stamp, BERLIN)
    assert system.isoformat() == zone.isoformat()
    assert system.timestamp() == stamp
    assert system.fold == zone.fold
    assert system.tzname() == zone.tzname()


def test_seconds_pass_whatever_the_clocks_do() -> None:
    evening = datetime(2026, 3, 28, 23, tzinfo=SYSTEM_ZONE)
    assert str(later(evening, 8 * 3600)) == "2026-03-29 08:00:00+02:00"
    assert seconds_between(evening, datetime(2026, 3, 29, 7, tzinfo=SYSTEM_ZONE)) == 7 * 3600
    autumn = datetime(2026, 10, 24, 23, tzinfo=SYSTEM_ZONE)
    assert str(later(autumn, 8 * 3600)) == "2026-10-25 06:00:00+01:00"
    assert seconds_between(autumn, later(autumn, 12345.5)) == 12345.5


def test_the_offset_of_one_moment_is_not_kept_but_another_zone_is() -> None:
    noon = datetime(2026, 3, 28, 12)
    assert in_system_zone(noon.astimezone()).tzinfo is SYSTEM_ZONE
    assert in_system_zone(noon).tzinfo is SYSTEM_ZONE
    for other in (UTC, BERLIN, timezone(timedelta(hours=9))):
        moment = noon.replace(tzinfo=other)
        assert in_system_zone(moment) is moment


def test_there_is_one_system_zone() -> None:
    assert pickle.loads(pickle.dumps(SYSTEM_ZONE)) is SYSTEM_ZONE
    assert copy.deepcopy(datetime(2026, 1, 1, tzinfo=SYSTEM_ZONE)).tzinfo is SYSTEM_ZONE
