"""What time and what day it is, here and elsewhere."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Mapping
from typing import ClassVar

from duplex.models.interaction.contract import Request
from duplex.models.interaction.skills.dates import MONTHS, WEEKDAYS, parse_date
from duplex.models.interaction.skills.durations import parse_duration
from duplex.models.interaction.skills.holidays import HOLIDAYS, MOVABLE
from duplex.models.interaction.skills.patterns import Slots
from duplex.models.interaction.skills.skill import Reply, Skill, cues, phrases
from duplex.models.interaction.skills.words import plain


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
        "left": "((is|are) there left|(is|are) there|is it|(is|are) left|left|is|"
        "(do|must) (i|we) [have] [to] (wait|left|have))",
        "until": "(until|till|to|before|unto)",
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
    def time_here(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "current_time")

    @phrases(
        "[what] time is it <now> <in> {places} <now>",
        "what time it is <now> <in> {places} <now>",
        "what time (will it be|would it be|is) <now> <in> {places} <now>",
        "[what is|tell me|look up] [the] [current|local|exact] time <now> [is it|like] <in> {places} <now>",
        "<in> {places} what [is the] time [is it|it is] <now>",
        "what is the [current] {places} time",
        "what time is it now {places}",
        "how late is it <now> <in> {places} <now>",
        "what time do (they|people|we) have <now> in {places}",
        "{places} time <now>",
    )
    def time_elsewhere(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "current_time", place=slots["places"])

    @phrases("[and] (what about|how about|what is it|and) [the] [time] [in] {places}", "[and] in {places}")
    def time_elsewhere_too(self, slots: Slots, request: Request) -> Reply | None:
        """Only after a question for the time."""
        asked = next((heard.text for heard in reversed(request.history) if heard.party == request.party), "")
        return self.time_elsewhere(slots, request) if " time " in f" {plain(asked)} " else None

    @phrases(
        "[what is] [the] (time difference|difference in time) between {one} and {other}",
        "how (big|large|great|much) is the (time difference|difference in time) between {one} and {other}",
        "how many hours [ahead|behind] is {one} (from|of|ahead of|behind) {other}",
        "how many hours (from|ahead of|behind|away from) {other} is {one}",
        "how many hours (are|lie) [there] between {one} and {other}",
        "how far (are|is) [the] (clocks|time|times) (in|of) {one} and [in|of] {other} apart",
        "how far apart (are|is) [the] [clocks|time|times] (in|of) {one} and [in|of] {other}",
    )
    def difference(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "time_difference", place=slots["one"], other=slots["other"])

    @phrases(
        "(what|which) <zone> (is|does|would) {place} [in|have|use|be in]",
        "(what|which) <zone> {place} (is in|uses|has)",
        "[what is] [the] [current] <zone> (in|of|for) {place}",
        "{place} is in (what|which) <zone>",
        "[what is] {place} <zone>",
    )
    def zone(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "time_difference", place=slots["place"])

    @phrases(
        "what time (will it be|is it|will we have|do we have|would it be) (in|after) {duration}",
        "what time (will it be|is it) {duration} from now",
        "what (is|will) the time [be] in {duration}",
        "(in|after) {duration} what time (will it be|is it|will we have)",
        "(in|after) {duration} what [is|will be] the time",
        "if i wait [for] {duration} what time (will it be|is it)",
    )
    def time_later(self, slots: Slots, request: Request) -> Reply | None:
        seconds = parse_duration(slots.words("duration"))
        return None if seconds is None else self.call(request, "time_after", seconds=float(seconds))

    @phrases(
        "(what|which) <day> [of the week] is (it|today) [today|now]",
        "(what|which) <day> (today|it) is [today]",
        "what is today",
        "what day of the (week|month) is (it|today) [today]",
        "[what is|tell me] (today's|the|the current|current) <day> [is it] [for|of] [today|right now]",
        "what is the (day of the week|day and date) [today]",
        "what is the <day> (of|for) today",
    )
    @cues(
        "date|day what|tell|give|know|show|share|need|have|today|today's|current|full|month|year "
        "the|it|today|today's|current"
    )
    def today(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "current_date")

    @phrases(
        "(what|which) <day> [of the week] (<would>|falls) [on] {day}",
        "(what|which) <day> [it] (is|was) {day}",
        "[what is] the <day> [is it] [on|for|of] {day}",
        "what (will|would) the <day> be [on] {day}",
        "(what|which) <day> (will|would) it be {day}",
        "what (will|would) be the <day> [on] {day}",
        "{day} what (will|would) the <day> be",
        "{day} what <day> (is|will) it [be]",
        "(on|at) (what|which) <day> [of the week] (is|does|will) {day} [fall|be] [on] [this year]",
        "[what is] {day} date",
        "when is {day} [this year]",
        "(what|which) day (is|does) {day} [fall] [on] [this year]",
    )
    def other_day(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "date_of", day=slots["day"])

    @phrases("is (it|today) {weekday} [today]", "is (it|today) {weekday} or {other} [today]")
    def which_day(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "current_date") if slots["weekday"] in WEEKDAYS else None

    @cues("tomorrow|tomorrow's date|day what|tell|give|know|date|be", "tomorrow what day|date")
    def tomorrow(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "date_of", day="tomorrow")

    @phrases(
        "how (long|many (days|weeks|hours|minutes)|much time) [<left>] <until> {day}",
        "how far (away|off) is {day}",
        "in how many days is {day}",
        "how many days away is {day}",
    )
    def days_until(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "time_until", moment=slots["day"])

    @phrases(
        "(what|which) (year|month) is it [now]",
        "what is the [current] (year|month)",
        "what (year|month) are we in",
        "(what|which) week is it",
        "what is the week number",
    )
    def month_or_year(self, slots: Slots, request: Request) -> Reply | None:
        return self.call(request, "current_date", part="month")

    @phrases(
        "how many days are [there] in {month}",
        "how many days does {month} have",
        "how long is [the month of] {month}",
    )
    def month_length(self, slots: Slots, request: Request) -> Reply | None:
        name = slots["month"].removeprefix("the month of ")
        now = request.wall_time
        if name not in ("this month", *MONTHS):
            return None
        month = now.month if name == "this month" else MONTHS.index(name) + 1
        days = [monthrange(year, month)[1] for year in (2023, 2024)]
        said = f"{days[0]}, and {days[1]} in a leap year" if days[0] != days[1] else f"{days[0]} days"
        return Reply.say(f"{MONTHS[month - 1].capitalize()} has {said}.")

    @phrases("is (today|it) a [public|bank] holiday [today]", "(what|which) holiday is [it] (today|now)")
    def holiday(self, slots: Slots, request: Request) -> Reply:
        today = request.wall_time.date()
        names = (*(name for name in HOLIDAYS if not name.startswith("the")), *MOVABLE)
        found = next((name for name in names if parse_date(name.split(), today) == today), "")
        said = f"Yes, it is {found.title()}" if found else "No great holiday that I know of"
        return Reply.say(f"{said}. What is closed in your country I cannot tell.")

    @phrases("what time is it [now|right now|currently] in {place} [now|right now]")
    def unknown_place(self, slots: Slots, request: Request) -> Reply | None:
        if len(slots.words("place")) > 4:
            return None
        return Reply.say(f"I do not know the time zone of {slots.quote('place')}.")
