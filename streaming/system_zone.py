"""The system's time zone (TZ, else /etc/localtime) as a tzinfo that knows every change of its offset."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone, tzinfo


class SystemZone(tzinfo):
    """Local time by the rules of the C library, for any value of TZ.

    `datetime.astimezone()` gives the offset that holds at that moment, and keeps it for every other moment. This zone
    asks for the offset at each moment. Two datetimes of one zone are compared and subtracted by their clock readings:
    take differences of `timestamp()`.
    """

    def utcoffset(self, moment: datetime | None) -> timedelta | None:
        return None if moment is None else _local(moment).utcoffset()

    def dst(self, moment: datetime | None) -> timedelta | None:
        return None

    def tzname(self, moment: datetime | None) -> str | None:
        return None if moment is None else _local(moment).tzname()

    def fromutc(self, moment: datetime) -> datetime:
        stamp = moment.replace(tzinfo=UTC).timestamp()
        return datetime.fromtimestamp(stamp).replace(tzinfo=self)

    def __repr__(self) -> str:
        return "SYSTEM_ZONE"

    def __reduce__(self) -> str:
        return "SYSTEM_ZONE"


SYSTEM_ZONE = SystemZone()


def in_system_zone(moment: datetime) -> datetime:
    """The same moment in the system's zone, if it has no zone or only the offset that the system's zone has then.

    Any other zone stays, UTC included.
    """
    if moment.tzinfo is None:
        return moment.replace(tzinfo=SYSTEM_ZONE)
    local = moment.astimezone(SYSTEM_ZONE)
    frozen = isinstance(moment.tzinfo, timezone) and moment.tzinfo is not UTC
    return local if frozen and local.utcoffset() == moment.utcoffset() else moment


def later(moment: datetime, seconds: float) -> datetime:
    """The moment so many seconds later, as the clocks of its zone show it then."""
    return datetime.fromtimestamp(moment.timestamp() + seconds, moment.tzinfo)


def seconds_between(earlier: datetime, later: datetime) -> float:
    """Seconds that pass from one moment to the other, whatever the clocks do between them."""
    return later.timestamp() - earlier.timestamp()


def _local(moment: datetime) -> datetime:
    return moment.replace(tzinfo=None).astimezone()
