"""Spans of time as people say them: "an hour and a half", "ten no fifteen minutes"."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache

from duplex.models.interaction.skills.numbers import HOMOPHONES, counted, take_number, written

_SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}
_NAMES = {
    **{name: name for name in _SECONDS},
    **{name + "s": name for name in _SECONDS},
    "sec": "second",
    "secs": "second",
    "s": "second",
    "min": "minute",
    "mins": "minute",
    "minutes'": "minute",
    "hr": "hour",
    "hrs": "hour",
    "h": "hour",
    "our": "hour",
    "ours": "hour",
}
_UNIT_NAMES = frozenset(_NAMES)
_REPAIRS = (
    ("i", "mean"),
    ("make", "that"),
    ("make", "it"),
    ("no", "wait"),
    ("no",),
    ("sorry",),
    ("wait",),
    ("actually",),
    ("rather",),
)
_REPAIRING = frozenset(repair[-1] for repair in _REPAIRS)
LONGEST_DURATION = 24
"""Words; a longer run is not looked at."""


def parse_duration(words: Sequence[str]) -> Fraction | None:
    """Seconds, if all of `words` together are a duration; after a self-correction what was meant in the end.

    >>> parse_duration("one hour and ten minutes".split())
    Fraction(4200, 1)
    """
    return _duration(tuple(words)) if len(words) <= LONGEST_DURATION else None


@lru_cache(maxsize=4096)
def _duration(words: Sequence[str]) -> Fraction | None:
    if _UNIT_NAMES.isdisjoint(words):
        return None
    words = list(words)
    for start in range(len(words) - 1, 0, -1) if not _REPAIRING.isdisjoint(words) else ():
        for repair in _REPAIRS:
            if tuple(words[start - len(repair) : start]) == repair and start >= len(repair):
                repaired = parse_duration(words[start:])
                if repaired is not None:
                    return repaired
    total, at = Fraction(0), 0
    while at < len(words):
        if at and words[at] == "and":
            at += 1
        term = _take_term(words, at)
        if term is None:
            return None
        total, at = total + term[0], term[1]
    return total if words else None


def say_duration(seconds: float, *, parts: int = 2) -> str:
    """A duration in its largest `parts` units, rounded to the last: "one hour and ten minutes"."""
    left = round(seconds)
    if 0 < seconds < 1:
        return "less than a second"
    units = [("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1)]
    first = next((place for place, (_, size) in enumerate(units) if left >= size), len(units) - 1)
    last = min(first + parts - 1, len(units) - 1)
    left = round(left / units[last][1]) * units[last][1]
    if first and left >= units[first - 1][1]:  # 59 minutes and 50 seconds, rounded to minutes, are an hour
        return say_duration(left, parts=parts)
    said = []
    for name, size in units[: last + 1]:
        count, left = divmod(left, size)
        if count:
            said.append(f"{counted(count)} {name}{'s' if count > 1 else ''}")
    if not said:
        return "zero seconds"
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"


def say_exactly(seconds: Fraction) -> str:
    """A duration that was asked for, in all its units: "one hour, ten minutes and five seconds"."""
    whole, part = divmod(seconds, 1)
    if not part:
        return say_duration(int(whole), parts=4)
    rest, last = divmod(int(whole), 60)
    said = f"{written(last + part)} seconds"
    return f"{say_duration(rest * 60, parts=3)} and {said}" if rest else said


def say_ago(seconds: float) -> str:
    """How long ago, roughly: "just now", "ten seconds ago", "two minutes ago"."""
    if seconds < 3:
        return "just now"
    return say_duration(seconds, parts=1) + " ago"


def say_length(seconds: Fraction) -> str:
    """A duration of one unit as an adjective, "five minute"; empty if it takes more than one."""
    for name in ("week", "day", "hour", "minute", "second"):
        count = seconds / _SECONDS[name]
        if count >= 1:
            whole = count.denominator == 1 or (name == "second")
            return f"{counted(int(count)) if count.denominator == 1 else written(count)} {name}" if whole else ""
    return ""


def _take_term(words: Sequence[str], at: int) -> tuple[Fraction, int] | None:
    """A number and its unit, at words[at]."""
    for opening, value in (
        (("half", "an"), Fraction(1, 2)),
        (("half", "a"), Fraction(1, 2)),
        (("a", "half"), Fraction(1, 2)),
        (("a", "quarter", "of", "an"), Fraction(1, 4)),
        (("quarter", "of", "an"), Fraction(1, 4)),
        (("three", "quarters", "of", "an"), Fraction(3, 4)),
        (("a", "couple", "of"), Fraction(2)),
        (("couple", "of"), Fraction(2)),
        (("a", "couple"), Fraction(2)),
        (("a",), Fraction(1)),
        (("an",), Fraction(1)),
    ):
        end = at + len(opening)
        if tuple(words[at:end]) == opening and end < len(words) and words[end] in _NAMES:
            return _with_half(value, words, end)
    taken = take_number(words, at)
    if taken is None and at + 1 < len(words) and words[at] in HOMOPHONES:
        taken = Fraction(HOMOPHONES[words[at]]), at + 1
    if taken is None or taken[0] < 0:
        return None
    value, end = taken
    if end < len(words) and words[end] in ("more", "whole", "full"):
        end += 1
    return _with_half(value, words, end) if end < len(words) and words[end] in _NAMES else None


def _with_half(value: Fraction, words: Sequence[str], at: int) -> tuple[Fraction, int]:
    """The term whose unit is words[at], and "and a half" after it if nothing else follows that."""
    size = _SECONDS[_NAMES[words[at]]]
    rest = tuple(words[at + 1 : at + 4])
    for tail, part in ((("and", "a", "half"), Fraction(1, 2)), (("and", "a", "quarter"), Fraction(1, 4))):
        if rest == tail and (at + 4 == len(words) or words[at + 4] not in _NAMES):
            return (value + part) * size, at + 4
    return value * size, at + 1
