"""What a tool gave, in a sentence for the ear: texts as they are, JSON as its few facts, times as people say them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from duplex.models.interaction.skills.dates import say_date, say_time
from duplex.models.interaction.tools.by_rule.vocabulary import name_words

MOST_FACTS = 4
MOST_LISTED = 5
LONGEST = 400
"""Characters; who wants more asks for less at once."""
_ANSWERS = ("result", "answer", "output", "target", "value", "summary", "message", "text")
"""What, among other facts, is what was asked for."""
DONE = "Done."
NOTHING = "There is nothing."


def worded(told: str, arguments: Mapping[str, Any]) -> str:
    """told: the result as a model is told of it. arguments: what was asked with, which needs no repeating."""
    try:
        value = json.loads(told)
    except ValueError:
        return _cut(told.strip()) or DONE
    if value is None or value is True:
        return DONE
    if isinstance(value, dict):
        known = {str(each).casefold() for each in arguments.values()}
        said: list[str] = []
        for fact in _facts(value, known):
            if not any(fact.casefold() in other.casefold() for other in said):
                said.append(fact)
        return _cut(_sentence(", ".join(said[:MOST_FACTS]))) or DONE
    return _cut(_sentence(_spoken(value))) or NOTHING


def _facts(value: Mapping[str, Any], known: set[str]) -> Iterator[str]:
    asked = next((value[key] for key in _ANSWERS if key in value), None)
    if isinstance(asked, dict):
        yield from _facts(asked, known)
    elif asked not in (None, "", [], {}):
        yield _spoken(asked)
    else:
        for key, inner in value.items():
            if inner in (None, "", [], {}, False) or str(inner).casefold() in known:
                continue
            if isinstance(inner, dict):
                yield from _facts(inner, known)
                continue
            moment = _moment(inner)
            # A day of the week beside a date is said with it.
            yield _spoken(inner) if moment or key == "day_of_week" else f"{' '.join(name_words(key))} {_spoken(inner)}"


def _spoken(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        listed = [_spoken(each) for each in value[:MOST_LISTED]]
        more = len(value) - len(listed)
        return ", ".join(listed) + (f", and {more} more" if more else "")
    if isinstance(value, dict):
        return " ".join(_spoken(each) for each in value.values() if each not in (None, "", False))
    if (moment := _moment(value)) is not None:
        day = say_date(moment.date())
        return f"{say_time(moment)} on {day}" if len(str(value)) > len("2026-01-01") else day
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


def _moment(value: Any) -> datetime | None:
    """A date, or a time with its date, in ISO's form."""
    if not isinstance(value, str) or len(value) < len("2026-01-01") or not value[:4].isdecimal():
        return None
    try:
        return datetime.fromisoformat(value)
    except ValueError:
        return None


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}{'' if text[-1] in '.!?' else '.'}" if text else ""


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST].rsplit(' ', 1)[0]} … and more."
