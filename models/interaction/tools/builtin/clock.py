"""What time and what day it is, here and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import Literal
from zoneinfo import ZoneInfo

from duplex.models.interaction.skills.dates import MONTHS, WEEKDAYS, parse_date, parse_moment, say_date, say_time
from duplex.models.interaction.skills.dates import say_days as days_in_words
from duplex.models.interaction.skills.durations import say_duration, say_exactly
from duplex.models.interaction.skills.numbers import exact
from duplex.models.interaction.skills.time_zones import find_place
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.builtin.register import builtin
from duplex.models.interaction.tools.tool import Context, Facts, ToolError
from duplex.streaming.system_zone import later, seconds_between


def _say_time(facts: Facts) -> str:
    if "time" in facts:
        return f"It is {facts['time']}."
    said = " and ".join(f"in {one['place']} it is {one['time']}{_aside(one['day'])}" for one in facts["times"])
    return f"{said[0].upper()}{said[1:]}."


@builtin(say=_say_time)
def current_time(context: Context, place: str = "") -> Facts:
    """Tell what time it is now.

    place: a city or country, or several joined by "and"; empty: here
    """
    here = context.request.wall_time
    if not place:
        return {"time": say_time(here)}
    times = []
    for name, zone in _places(plain(place).split()):
        local = here.astimezone(zone)
        day = {1: "tomorrow", -1: "yesterday"}.get((local.date() - here.date()).days, "")
        times.append({"place": name, "time": say_time(local), "day": day})
    if not times:
        raise ToolError(f"I do not know the time zone of {place}.")
    return {"times": times}


def _say_difference(facts: Facts) -> str:
    if facts["relation"] == "same" and facts["other"] == "UTC":
        return f"{facts['place']} is on UTC."
    if facts["relation"] == "same":
        return f"{facts['place']} and {facts['other']} have the same time."
    return f"{facts['place']} is {facts['difference']} {facts['relation']} {facts['other']}."


@builtin(say=_say_difference)
def time_difference(context: Context, place: str, other: str = "UTC") -> Facts:
    """Tell how far the clocks of two places are apart.

    place: a city or country
    other: a city or country, or UTC
    """
    now = context.request.wall_time
    one = _place(place)
    two = ("UTC", ZoneInfo("UTC")) if other == "UTC" else _place(other)
    seconds = _offset(now, one[1]) - _offset(now, two[1])
    relation = "same" if not seconds else "ahead of" if seconds > 0 else "behind"
    return {"place": one[0], "other": two[0], "difference": say_duration(abs(seconds)), "relation": relation}


@builtin(say=lambda facts: f"In {facts['after']} it will be {facts['time']}{facts['day']}.")
def time_after(context: Context, seconds: float) -> Facts:
    """Tell what time it will be after a span of time.

    seconds: how long from now
    """
    now = context.request.wall_time
    moment = later(now, seconds)
    day = "" if moment.date() == now.date() else f" on {say_date(moment)}"
    return {"after": say_exactly(exact(seconds)), "time": say_time(moment), "day": day}


def _say_date(facts: Facts) -> str:
    if "month" in facts:
        return f"It is {facts['month']} {facts['year']}, week {facts['week']}."
    return f"It is {facts['date']}."


@builtin(say=_say_date)
def current_date(context: Context, part: Literal["day", "month"] = "day") -> Facts:
    """Tell what day it is today, or which month, year and week of the year it is.

    part: day, or month for month, year and week
    """
    today = context.request.wall_time
    if part == "month":
        month = MONTHS[today.month - 1].capitalize()
        return {"month": month, "year": today.year, "week": today.isocalendar().week}
    return {"date": say_date(today.date(), year=True)}


@builtin(say=lambda facts: f"{facts['day']} {facts['verb']} {facts['date']}.")
def date_of(context: Context, day: str) -> Facts:
    """Tell the date and weekday of another day.

    day: as people say it: "next friday", "christmas", "march third", "in ten days"
    """
    today, words = context.request.wall_time.date(), plain(day).split()
    found = parse_date(words, today)
    if found is None:
        raise ToolError(f"I do not know which day {day} is.")
    verb = "is" if found >= today else "was"
    return {"day": _named(words, found), "verb": verb, "date": say_date(found, year=found.year != today.year)}


@builtin(say=lambda facts: f"It is {facts['left']} until {facts['until']}.")
def time_until(context: Context, moment: str) -> Facts:
    """Tell how long it is until a day or a time of day.

    moment: "christmas", "friday", "five pm", "tomorrow at six"
    """
    now, words = context.request.wall_time, plain(moment).split()
    day = parse_date(words, now.date())
    if day is not None and (days := (day - now.date()).days) > 0:
        return {"left": days_in_words(days), "until": say_date(day)}
    time_of_day = parse_moment(words, now)
    if time_of_day is None:
        raise ToolError(f"I do not know when {moment} is.")
    return {"left": say_duration(seconds_between(now, time_of_day)), "until": say_time(time_of_day)}


def _aside(day: str) -> str:
    return f", {day}" if day else ""


def _place(name: str) -> tuple[str, ZoneInfo]:
    found = find_place(plain(name).split())
    if found is None:
        raise ToolError(f"I do not know the time zone of {name}.")
    return found


def _places(words: Sequence[str]) -> Iterator[tuple[str, ZoneInfo]]:
    """The places joined by "and"; nothing at all if one of them is unknown."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "and":
            groups.append([])
        elif word not in ("in", "at") or groups[-1]:
            groups[-1].append(word)
    found = [find_place(group) for group in groups]
    if all(found):
        yield from (place for place in found if place is not None)


def _named(words: Sequence[str], day: date) -> str:
    """The day as it was named, as the subject of a sentence."""
    names = {*MONTHS, *WEEKDAYS, "christmas", "halloween", "new", "year's", "valentine's", "independence"}
    words = [word.capitalize() if word in names else word for word in words if word not in ("on", "for")]
    words[-1] = words[-1].removesuffix("'s") if words[-1] != "Year's" else words[-1]
    said = " ".join(words)
    return said[0].upper() + said[1:]


def _offset(moment: datetime, zone: ZoneInfo) -> float:
    """Seconds by which the zone's clocks are ahead of UTC then."""
    offset = moment.astimezone(zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
