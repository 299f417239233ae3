"""Days and times of day as people say them: "next friday", "the third of march", "half past five"."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache

from duplex.models.interaction.skills.holidays import HOLIDAYS, MOVABLE
from duplex.models.interaction.skills.numbers import (
    NUMBER_WORDS,
    UNITS,
    counted,
    parse_number,
    parse_ordinal,
    parse_year,
)

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november"),
    "december",
)
_RELATIVE = {
    "today": 0,
    "now": 0,
    "tonight": 0,
    "this morning": 0,
    "this afternoon": 0,
    "this evening": 0,
    "tomorrow": 1,
    "the day after tomorrow": 2,
    "day after tomorrow": 2,
    "yesterday": -1,
    "the day before yesterday": -2,
    "day before yesterday": -2,
}
LONGEST_DATE, LONGEST_TIME = 10, 8
"""Words. Longer runs are never a date or a time of day, and are not looked at."""

_DAYS = {"day": 1, "days": 1, "week": 7, "weeks": 7}
_PARTS_OF_DAY = {
    ("in", "the", "morning"): "am",
    ("this", "morning"): "am",
    ("in", "the", "afternoon"): "pm",
    ("this", "afternoon"): "pm",
    ("in", "the", "evening"): "pm",
    ("this", "evening"): "pm",
    ("at", "night"): "night",
    ("tonight",): "night",
    ("am",): "am",
    ("pm",): "pm",
}


def parse_date(words: Sequence[str], today: date) -> date | None:
    """The day that all of `words` together name, else None.

    A weekday alone or with "this" is the coming one, with "next" the one of the next calendar week (Monday to Sunday).
    """
    return _date(tuple(words), today) if 0 < len(words) <= LONGEST_DATE else None


@lru_cache(maxsize=4096)
def _date(spoken: tuple[str, ...], today: date) -> date | None:
    words = [word.removesuffix("'s") if word.removesuffix("'s") in (*WEEKDAYS, *_RELATIVE) else word for word in spoken]
    text = " ".join(words[1:] if words[:1] in (["on"], ["for"]) else words)
    if text in _RELATIVE:
        return today + timedelta(days=_RELATIVE[text])
    if text in HOLIDAYS:
        return _coming(*HOLIDAYS[text], today)
    if text in MOVABLE:
        days = (MOVABLE[text](year) for year in (today.year, today.year + 1))
        return next(day for day in days if day >= today)
    words = text.split()
    return _weekday(words, today) or _offset(words, today) or _calendar(words, today)


def parse_clock_time(words: Sequence[str]) -> tuple[time, bool] | None:
    """A time of day and whether it is certain: "five" may be in the morning or in the evening, "five pm" may not."""
    return _clock_time(tuple(words)) if len(words) <= LONGEST_TIME + 1 else None


@lru_cache(maxsize=4096)
def _clock_time(spoken: tuple[str, ...]) -> tuple[time, bool] | None:
    words = list(spoken)
    words = list(words[1:] if words[:1] == ["at"] else words)
    for part, half in _PARTS_OF_DAY.items():
        if len(words) > len(part) and tuple(words[-len(part) :]) == part:
            words, known = words[: -len(part)], half
            break
    else:
        known = ""
    words = [word for word in words if word != "oclock"] if words != ["oclock"] else []
    if words in (["noon"], ["midday"]):
        return time(12), True
    if words == ["midnight"]:
        return time(0), True
    found = _hour_and_minute(words)
    if found is None:
        return None
    hour, minute, certain = found
    if known == "night":  # "twelve at night" is midnight, "two at night" before dawn, "ten at night" in the evening
        known = "am" if hour == 12 or hour < 5 else "pm"
    if known and 1 <= hour <= 12:
        hour, certain = hour % 12 + (12 if known == "pm" else 0), True
    return time(hour, minute), certain


def parse_moment(words: Sequence[str], now: datetime) -> datetime | None:
    """The next moment after `now` that `words` name: "five pm", "tomorrow at six", "six in the morning on friday"."""
    words, part = list(words), []
    for place in range(1, len(words)):
        if words[place] in ("morning", "afternoon", "evening") and words[place - 1] in ("tomorrow", *WEEKDAYS):
            part = ["in", "the", words.pop(place)]  # "tomorrow morning at six" is "tomorrow at six in the morning"
            break
    if len(words) > LONGEST_DATE + LONGEST_TIME:
        return None
    whole = parse_clock_time(words)
    if whole is not None:
        return _next_moment(whole, now, None)
    for split in range(1, len(words)):
        for day_words, time_words in ((words[:split], words[split:]), (words[split:], words[:split])):
            day, clock_time = parse_date(day_words, now.date()), parse_clock_time(time_words + part)
            if day is not None and clock_time is not None:
                if "midnight" in time_words:
                    day += timedelta(days=1)  # the midnight of a day is the one that ends it
                moment = _next_moment(clock_time, now, day)
                if moment is None and day == now.date() and day_words[-1] in WEEKDAYS and "this" not in day_words:
                    moment = _next_moment(clock_time, now, day + timedelta(days=7))
                return moment
    return None


def evening_of(moment: datetime) -> date:
    """The day that a moment is said with: midnight goes with the evening before it."""
    return moment.date() - timedelta(days=moment.hour == moment.minute == 0)


def say_time(moment: datetime | time) -> str:
    """ "3:45 PM", "3 PM", "noon", "midnight": written as a transcript has it, and read well by a synthesizer."""
    if moment.minute == 0 and moment.hour in (0, 12):
        return "noon" if moment.hour else "midnight"
    half = "AM" if moment.hour < 12 else "PM"
    hour = (moment.hour - 1) % 12 + 1
    return f"{hour} {half}" if moment.minute == 0 else f"{hour}:{moment.minute:02d} {half}"


def say_date(day: date, *, year: bool = False) -> str:
    """ "Friday, November 27", with the year if wanted."""
    said = f"{WEEKDAYS[day.weekday()].capitalize()}, {MONTHS[day.month - 1].capitalize()} {day.day}"
    return f"{said}, {day.year}" if year else said


def say_day(day: date, today: date) -> str:
    """A day beside another: "today", "tomorrow", else the date."""
    return {0: "today", 1: "tomorrow"}.get((day - today).days, f"on {say_date(day, year=day.year != today.year)}")


def say_days(days: int) -> str:
    return f"{counted(days)} day{'' if days == 1 else 's'}"


def _coming(month: int, day: int, today: date) -> date | None:
    for year in range(today.year, today.year + 9):  # 29 February may be eight years away
        try:
            found = date(year, month, day)
        except ValueError:
            continue
        if found >= today:
            return found
    return None


def _weekday(words: list[str], today: date) -> date | None:
    """ "friday", "this friday", "next friday", "last friday", "a week from friday"."""
    if not words or words[-1] not in WEEKDAYS:
        return None
    ahead = (WEEKDAYS.index(words[-1]) - today.weekday()) % 7
    lead = words[:-1]
    if lead in ([], ["this"], ["the"], ["coming"], ["this", "coming"], ["the", "coming"]):
        return today + timedelta(days=ahead)
    if lead == ["next"]:
        monday = today + timedelta(days=7 - today.weekday())
        return monday + timedelta(days=WEEKDAYS.index(words[-1]))
    if lead == ["last"]:
        return today - timedelta(days=7 - ahead if ahead else 7)
    if lead in (["a", "week", "from"], ["a", "week", "on"], ["one", "week", "from"]):
        return today + timedelta(days=ahead + 7)
    return None


def _offset(words: list[str], today: date) -> date | None:
    """ "in ten days", "two weeks from now", "a week ago"."""
    sign = 1
    if words[:1] == ["in"]:
        words = words[1:]
    elif words[-1:] == ["ago"]:
        words, sign = words[:-1], -1
    elif words[-2:] in (["from", "now"], ["from", "today"]):
        words = words[:-2]
    else:
        return None
    if len(words) < 2 or words[-1] not in _DAYS:
        return None
    count = 1 if words[:-1] in (["a"], ["one"]) else parse_number(words[:-1], homophones=True)
    if count is None or count.denominator != 1 or not 0 <= count <= 36500:
        return None
    try:
        return today + sign * timedelta(days=int(count) * _DAYS[words[-1]])
    except OverflowError:
        return None


def _calendar(words: list[str], today: date) -> date | None:
    """ "march third", "the third of march", "march 3rd 2027"."""
    words = [word for word in words if word not in ("the", "of")]
    month = next((place for place, word in enumerate(words) if word in MONTHS), None)
    if month is None:
        return None
    before, after = words[:month], words[month + 1 :]
    readings = [(before, after)] if before else [(after[:cut], after[cut:]) for cut in range(len(after), 0, -1)]
    for day_words, year_words in readings:
        day = parse_ordinal(day_words) if day_words else None
        if day is None or day > 31:
            continue
        if not year_words:
            return _coming(MONTHS.index(words[month]) + 1, day, today)
        year = parse_year(year_words)
        if year is not None:
            try:
                return date(year, MONTHS.index(words[month]) + 1, day)
            except ValueError:
                return None
    return None


def _hour_and_minute(words: list[str]) -> tuple[int, int, bool] | None:
    """(hour, minute, certain): "17:30", "five thirty", "five oh three", "half past five", "ten to six", "five"."""
    if len(words) == 1 and ":" in words[0]:
        hour, minute = (int(part) for part in words[0].split(":"))
        return (hour, minute, hour > 12 or hour == 0 or words[0][0] == "0") if hour < 24 and minute < 60 else None
    for joint in ("past", "after", "to", "till", "before"):
        if joint in words[1:-1]:
            place = words.index(joint, 1)
            minutes = {"half": 30, "quarter": 15}.get(words[place - 1])
            lead = [word for word in words[:place] if word not in ("a", "minutes", "minute")]
            if minutes is None or len(lead) != 1:
                value = parse_number(lead)
                minutes = int(value) if value is not None and value.denominator == 1 and 0 < value < 60 else None
            hour = _small(words[place + 1 :], 24)
            if minutes is None or hour is None:
                return None
            if joint in ("past", "after"):
                return hour, minutes, hour > 12
            return (hour - 1) % 12 or 12, 60 - minutes, False
    hour = _small(words, 24)
    if hour is not None:
        return hour, 0, hour > 12 or hour == 0
    for split in range(1, len(words)):
        hour, rest = _small(words[:split], 24), words[split:]
        if rest[0] == "oh" and len(rest) == 2:
            rest = rest[1:]
            minute = _small(rest, 10)
        else:
            minute = _small(rest, 60)
            minute = minute if minute is not None and minute >= 10 else None
        if hour is not None and minute is not None:
            return hour, minute, hour > 12
    return None


def _small(words: Sequence[str], below: int) -> int | None:
    if not 0 < len(words) <= 3 or (words[0] not in NUMBER_WORDS and not words[0][0].isdecimal()):
        return None
    if len(words) == 1 and words[0] not in UNITS and words[0].isdecimal() and len(words[0]) > 2:
        return None
    value = parse_number(words)
    return int(value) if value is not None and value.denominator == 1 and 0 <= value < below else None


def _next_moment(clock_time: tuple[time, bool], now: datetime, day: date | None) -> datetime | None:
    at, certain = clock_time
    days = [day] if day is not None else [now.date(), now.date() + timedelta(days=1)]
    hours = [at.hour] if certain else sorted({at.hour % 12, at.hour % 12 + 12})
    if day is not None and not certain and day != now.date():
        # "tomorrow at six" is when people are awake: from seven in the morning to six in the evening.
        hours = sorted(hours, key=lambda hour: not 7 <= hour <= 18)
    for candidate in days:
        for hour in hours:
            moment = _after(datetime.combine(candidate, time(hour, at.minute), tzinfo=now.tzinfo), now)
            if moment is not None:
                return moment
    return None


def _after(moment: datetime, now: datetime) -> datetime | None:
    """`moment` if it is later than `now`; where clocks are set back, its second occurrence may be.

    A time that clocks skip when they are set forward becomes the one that they show at that moment.
    """
    for fold in (0, 1):
        stamp = moment.replace(fold=fold).timestamp()
        if stamp > now.timestamp():
            return datetime.fromtimestamp(stamp, moment.tzinfo)
    return None
