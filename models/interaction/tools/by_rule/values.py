"""Values out of what was said, by a parameter's JSON schema: choices, yes and no, numbers, zones, dates and times."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

from duplex.models.interaction.skills.dates import MONTHS, WEEKDAYS, parse_clock_time, parse_date, parse_moment
from duplex.models.interaction.skills.durations import parse_duration
from duplex.models.interaction.skills.numbers import parse_number
from duplex.models.interaction.skills.phonetic_match import likeness, sounds
from duplex.models.interaction.skills.subjects import stem
from duplex.models.interaction.skills.time_zones import find_place
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.by_rule.utterance import EMPTY, Utterance
from duplex.models.interaction.tools.by_rule.vocabulary import name_words
from duplex.models.turn_taking.word_lists import word_set

SOUNDS_ALIKE = 0.85
LEAST_LETTERS = 5
"""A shorter word is too easily hit by chance."""
_ON = word_set("on enable enabled activate start yes true with")
_OFF = word_set("off disable disabled deactivate stop no false without out")
_SPANS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "duration": 1, "millisecond": Fraction(1, 1000)}
_OPENINGS: tuple[tuple[frozenset[str], frozenset[str]], ...] = (
    (word_set("source from origin start sender"), word_set("from in")),
    (word_set("recipient target destination to contact receiver language into end"), word_set("to into in with")),
    (word_set("city location place country town address where room area zone region"), word_set("in at for of from")),
    (word_set("subject topic about query keyword question term"), word_set("about for on regarding of")),
    (word_set("name title label called"), word_set("named called titled labeled for")),
    (word_set("date day"), word_set("on for")),
    (word_set("time when"), word_set("at")),
    (word_set("person people attendee participant guest"), word_set("with for to")),
)
"""Words of a parameter's name, and the words that open it in a sentence."""
_DIRECTIONS = word_set("from to")


def plain_schema(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Of a value that may be null, or one of several kinds, the schema of the first that is none."""
    for part in schema.get("anyOf", schema.get("oneOf", ())):
        if part.get("type") != "null":
            return {**{key: value for key, value in schema.items() if key not in ("anyOf", "oneOf")}, **part}
    kind = schema.get("type")
    return (
        {**schema, "type": next((each for each in kind if each != "null"), "null")}
        if isinstance(kind, list)
        else schema
    )


def exact_value(name: str, schema: Mapping[str, Any], said: Utterance) -> Any:
    """The value that the words themselves tell; None for a text without a form, and where nothing is said."""
    kind = schema.get("type", "string")
    if "enum" in schema:
        return _choice(schema["enum"], said)
    if kind == "boolean":
        return _switched(name, said)
    if kind in ("number", "integer"):
        return _number(name, schema, said)
    if kind == "array" and schema.get("items", {}).get("type") in ("number", "integer"):
        return _numbers(schema["items"], said)
    return _typed_value(name, form_of(name, schema), said) if kind == "string" else None


def _typed_value(name: str, kind: str, said: Utterance) -> str | None:
    """A text of a form of its own. Of several zones each is where its preposition says: "from Berlin to New York"."""
    if kind != "zone":
        return _READ[kind](said) if kind else None
    openings = known_openings(name)
    place = said.phrase_after(openings, parse=_zone_of) if openings else None
    if place is None:
        return None if openings & _DIRECTIONS else _zone(said)
    said.use(place[0] - 1, place[1])
    return _zone_of(said.texts[place[0] : place[1]])


def form_of(name: str, schema: Mapping[str, Any]) -> str:
    """zone, time, date or moment, for a text that has a form of its own; empty for any other."""
    told = f"{schema.get('description', '')} {schema.get('format', '')}".lower()
    words = set(name_words(name))
    if words & {"timezone", "tz"} or {"time", "zone"} <= words or "iana" in told:
        return "zone"
    if schema.get("format") == "date-time" or "iso 8601" in told:
        return "moment"
    if schema.get("format") == "time" or "hh:mm" in told or "24-hour" in told:
        return "time"
    return "date" if schema.get("format") == "date" or "yyyy-mm-dd" in told else ""


def _zone(said: Utterance) -> str | None:
    return said.take(lambda words: _zone_of(words), longest=4)


def _zone_of(words: Sequence[str]) -> str | None:
    if any(word in EMPTY for word in words):
        return None
    found = find_place(words)
    return found[1].key if found else None


def _time(said: Utterance) -> str | None:
    return said.take(lambda words: _clock(words, said))


def _clock(words: Sequence[str], said: Utterance) -> str | None:
    found = parse_clock_time(words)
    if found is None:
        return None
    # "Half past eight" is the one that comes next.
    coming = None if found[1] else parse_moment(words, said.now)
    return (coming or found[0]).strftime("%H:%M")


def _date(said: Utterance) -> str | None:
    found = said.take(lambda words: parse_date(words, said.now.date()))
    return found.isoformat() if found else None


def _moment(said: Utterance) -> str | None:
    found = said.take(lambda words: parse_moment(words, said.now))
    return found.isoformat() if found else None


_READ: dict[str, Callable[[Utterance], str | None]] = {"zone": _zone, "time": _time, "date": _date, "moment": _moment}


def _choice(values: Sequence[Any], said: Utterance) -> Any:
    """The value that is said; of several the longest, as it sounds where none is said to the letter."""
    spoken = sorted(((plain(str(value).replace("_", " ")), value) for value in values), key=lambda each: -len(each[0]))
    for text, value in spoken:
        wanted = [stem(word) for word in text.split()]
        for start in range(len(said.stems) - len(wanted) + 1):
            if wanted and said.stems[start : start + len(wanted)] == wanted and said.free(start, start + len(wanted)):
                said.use(start, start + len(wanted))
                return value
    for text, value in spoken:
        for start, word in enumerate(said.texts):
            near = (
                min(len(word), len(text)) >= LEAST_LETTERS and likeness(sounds([word]), sounds([text])) >= SOUNDS_ALIKE
            )
            if near and said.free(start, start + 1):
                said.use(start, start + 1)
                return value
    return None


def _switched(name: str, said: Utterance) -> bool | None:
    for place, word in enumerate(said.texts):
        if (word in _ON or word in _OFF) and said.free(place, place + 1):
            if word == "on" and _is_day(said.texts[place + 1 :]):
                continue
            said.use(place, place + 1)
            return word in _ON
    own = [stem(word) for word in name_words(name)]
    return True if own and all(word in said.stems for word in own) and own[0] != "on" else None


def _is_day(words: Sequence[str]) -> bool:
    """Whether they go on with a day: "on Friday" is no switch."""
    return bool(words) and words[0] in (*WEEKDAYS, *MONTHS)


def _number(name: str, schema: Mapping[str, Any], said: Utterance) -> float | int | None:
    told = [stem(word) for word in name_words(name)]
    unit = next(
        (_SPANS[word] for word in told if word in _SPANS), next((_SPANS[u] for u in _SPANS if stem(u) in told), None)
    )
    value = said.take(parse_duration) if unit else None
    value = Fraction(value) / unit if value is not None and unit else said.take(parse_number)
    if value is None:
        return None
    return int(value) if value.denominator == 1 else None if schema.get("type") == "integer" else float(value)


def _numbers(schema: Mapping[str, Any], said: Utterance) -> list[float | int] | None:
    found = []
    while (value := _number("", schema, said)) is not None:
        found.append(value)
    return found or None


def known_openings(name: str) -> frozenset[str]:
    """What opens a phrase for a parameter of this name; empty where the name does not tell."""
    words = set(name_words(name))
    return frozenset().union(*(openings for names, openings in _OPENINGS if names & words))
