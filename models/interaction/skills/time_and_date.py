"""What time and what day it is, here and elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.dates import (
    MONTHS,
    WEEKDAYS,
    parse_date,
    parse_moment,
    say_date,
    say_days,
    say_time,
)
from duplex.models.interaction.skills.durations import parse_duration, say_duration, say_exactly
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, cues, phrases
from duplex.models.interaction.skills.time_zones import find_place
from duplex.models.interaction.skills.words import plain
from duplex.streaming.system_zone import later, seconds_between


class TimeAndDate(Skill):
    title = "time and date"
    offer = "tell the time and date, also of other cities"
    own = True
    rules: ClassVar[Mapping[str, str]] = {
        "now": "[now|right now|currently|at the moment|exactly|today|here]",
        "in": "(over in|in|at|of|for|on)",
        "day": "(day|date)",
        "zone": "(time zone|timezone)",
        "would": "(is it going to be|will it be|would it be|is it|was it|will be|would be|is|was)",
    }

    @phrases(
        "[what] time is it <now>",
        "what time it is <now>",
        "[what is|tell|give|say] [me] the [exact|current|correct] time <now> [is it|it is]",
        "what is [the] current time <now>",
        "(what|the|what is the) time is [it|that|this] [now]",
        "what is the hour",
        "(have you|have you got|do you have) the time",
        "(what|which) time do you have [on your watch]",
        "how late is it",
        "time check",
    )
    @cues("time what|tell|give|have|know|current|exact|exactly|telling|clock|show now|it|the|current|exact|got|clock")
    def time_here(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(f"It is {say_time(request.wall_time)}.")

    @phrases(
        "[what] time is it <now> <in> {places} <now>",
        "what time it is <now> <in> {places} <now>",
        "what time (will it be|would it be|is) <now> <in> {places} <now>",
        "[what is|tell me|look up] [the] [current|local|exact] time <now> [is it|like] <in> {places} <now>",
        "<in> {places} what [is the] time [is it|it is] <now>",
        "what time do (they|people) have in {places}",
        "what is the [current] {places} time",
        "what time is it now {places}",
        "{places} time <now>",
    )
    def time_elsewhere(self, slots: Slots, request: Request) -> Reply | None:
        named = list(_places(slots.words("places")))
        if not named:
            return None
        times = [(name, request.wall_time.astimezone(zone)) for name, zone in named]
        said = [f"in {name} it is {say_time(local)}{_other_day(local, request.wall_time)}" for name, local in times]
        text = " and ".join(said)
        return Reply.say(text[0].upper() + text[1:] + ".")

    @phrases("[and] (what about|how about|what is it|and) [the] [time] [in] {places}", "[and] in {places}")
    def time_elsewhere_too(self, slots: Slots, request: Request) -> Reply | None:
        """Only after a question for the time."""
        asked = next((heard.text for heard in reversed(request.history) if heard.party == request.party), "")
        return self.time_elsewhere(slots, request) if " time " in f" {plain(asked)} " else None

    @phrases(
        "[what is] [the] (time difference|difference in time) between {one} and {other}",
        "how many hours [ahead|behind] is {one} (from|of|ahead of|behind) {other}",
    )
    def difference(self, slots: Slots, request: Request) -> Reply | None:
        places = [find_place(slots.words(slot)) for slot in ("one", "other")]
        if not all(places):
            return None
        (one, first), (other, second) = places
        seconds = _offset(request.wall_time, first) - _offset(request.wall_time, second)
        if not seconds:
            return Reply.say(f"{one} and {other} have the same time.")
        side = "ahead of" if seconds > 0 else "behind"
        return Reply.say(f"{one} is {say_duration(abs(seconds))} {side} {other}.")

    @phrases(
        "(what|which) <zone> (is|does|would) {place} [in|have|use|be in]",
        "(what|which) <zone> {place} (is in|uses|has)",
        "[what is] [the] [current] <zone> (in|of|for) {place}",
        "{place} is in (what|which) <zone>",
        "[what is] {place} <zone>",
    )
    def zone(self, slots: Slots, request: Request) -> Reply | None:
        place = find_place(slots.words("place"))
        if place is None:
            return None
        offset = _offset(request.wall_time, place[1])
        side = "ahead of" if offset > 0 else "behind"
        relation = f"{say_duration(abs(offset))} {side} UTC" if offset else "on UTC"
        return Reply.say(f"{place[0]} is {relation}.")

    @phrases(
        "what time (will it be|is it) in {duration}",
        "what time will it be {duration} from now",
        "what is the time in {duration}",
    )
    def time_later(self, slots: Slots, request: Request) -> Reply | None:
        seconds = parse_duration(slots.words("duration"))
        if seconds is None:
            return None
        moment = later(request.wall_time, float(seconds))
        day = "" if moment.date() == request.wall_time.date() else f" on {say_date(moment)}"
        return Reply.say(f"In {say_exactly(seconds)} it will be {say_time(moment)}{day}.")

    @phrases(
        "(what|which) <day> is (it|today) [today|now]",
        "(what|which) <day> (today|it) is [today]",
        "what is today",
        "what day of the (week|month) is (it|today) [today]",
        "[what is|tell me] (today's|the|the current|current) <day> [is it] [for|of] [today|right now]",
        "what is the (day of the week|day and date) [today]",
    )
    @cues(
        "date|day what|tell|give|know|show|share|need|have|today|today's|current|full|month|year "
        "the|it|today|today's|current"
    )
    def today(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(f"It is {say_date(request.wall_time.date(), year=True)}.")

    @phrases(
        "(what|which) <day> [of the week] (<would>|falls) [on] {day}",
        "(what|which) <day> [it] (is|was) {day}",
        "[what is] the <day> [is it] [on|for|of] {day}",
        "what (will|would) the <day> be [on] {day}",
        "(what|which) <day> (will|would) it be {day}",
        "what (will|would) be the <day> [on] {day}",
        "{day} what (will|would) the <day> be",
        "{day} what <day> (is|will) it [be]",
        "[what is] {day} date",
        "when is {day} [this year]",
        "(what|which) day (is|does) {day} [fall] [on] [this year]",
    )
    def other_day(self, slots: Slots, request: Request) -> Reply | None:
        today = request.wall_time.date()
        day = parse_date(slots.words("day"), today)
        if day is None:
            return None
        verb = "is" if day >= today else "was"
        return Reply.say(f"{_named(slots.words('day'), day)} {verb} {say_date(day, year=day.year != today.year)}.")

    @cues("tomorrow|tomorrow's date|day what|tell|give|know|date|be", "tomorrow what day|date")
    def tomorrow(self, slots: Slots, request: Request) -> Reply:
        return Reply.say(f"Tomorrow is {say_date(request.wall_time.date() + timedelta(days=1))}.")

    @phrases(
        "how many days [are there|are left|left|is it|are] (until|till|to|before|unto) {day}",
        "how (long|many days) [is it|is there|do we have] (until|till|to|before) {day}",
        "how far away is {day}",
        "in how many days is {day}",
    )
    def days_until(self, slots: Slots, request: Request) -> Reply | None:
        now = request.wall_time
        day = parse_date(slots.words("day"), now.date())
        if day is not None and (day - now.date()).days > 0:
            return Reply.say(f"It is {say_days((day - now.date()).days)} until {say_date(day)}.")
        moment = parse_moment(slots.words("day"), now)
        if moment is not None:
            return Reply.say(f"It is {say_duration(seconds_between(now, moment))} until {say_time(moment)}.")
        return None

    @phrases(
        "(what|which) (year|month) is it [now]",
        "what is the [current] (year|month)",
        "what (year|month) are we in",
        "(what|which) week is it",
        "what is the week number",
    )
    def month_or_year(self, slots: Slots, request: Request) -> Reply:
        now = request.wall_time
        return Reply.say(f"It is {MONTHS[now.month - 1].capitalize()} {now.year}, week {now.isocalendar().week}.")

    @phrases("what time is it [now|right now|currently] in {place} [now|right now]")
    def unknown_place(self, slots: Slots, request: Request) -> Reply | None:
        if len(slots.words("place")) > 4:
            return None
        return Reply.say(f"I do not know the time zone of {slots.quote('place')}.")


def _places(words: list[str]) -> Iterator[tuple[str, ZoneInfo]]:
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


def _named(words: list[str], day: date) -> str:
    """The day as it was named, as the subject of a sentence."""
    names = {*MONTHS, *WEEKDAYS, "christmas", "halloween", "new", "year's", "valentine's", "independence"}
    words = [word.capitalize() if word in names else word for word in words if word not in ("on", "for")]
    words[-1] = words[-1].removesuffix("'s") if words[-1] != "Year's" else words[-1]
    said = " ".join(words)
    return said[0].upper() + said[1:]


def _other_day(local: datetime, here: datetime) -> str:
    """What to add where the calendar shows another day than here."""
    days = (local.date() - here.date()).days
    return {1: ", tomorrow", -1: ", yesterday"}.get(days, "")


def _offset(moment: datetime, zone: ZoneInfo) -> float:
    """Seconds by which the zone's clocks are ahead of UTC then."""
    offset = moment.astimezone(zone).utcoffset()
    return offset.total_seconds() if offset is not None else 0.0
