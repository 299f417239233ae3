"""Which bytes may follow in a JSON text that has to fit a schema: a validator of prefixes, byte by byte.

A schema becomes an expression of literals, strings, numbers, choices and sequences. A state is what of the expression
is still to come; several states are followed where a byte leaves it open. Constrained decoding as in Willard and Louf
(arXiv 2307.09702), by a stack instead of an automaton, so that nested values need no unrolling.

Stricter than the schema: properties come in their order, numbers have no exponent, at most one space stands after ":"
and ",", texts and lists have a greatest length. Not seen while the text is made, so that the finished value has to be
checked: bounds of numbers (but of small ranges of integers), patterns and formats.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

MOST_LETTERS = 200
"""Of a text whose schema has no smaller bound."""

MOST_ITEMS = 8
"""Of a list, and properties of an object whose schema names none."""

MOST_DIGITS = 12
"""Before the point, and after it."""

SMALL_RANGE = 64
"""Integers with both bounds and no more values than this are a choice."""

ANY_DEPTH = 3
"""Levels of a value of which the schema says nothing."""


@dataclass(frozen=True, eq=False)
class Literal:
    text: bytes


@dataclass(frozen=True, eq=False)
class Text:
    """A string without its opening quote."""

    least: int = 0
    most: int = MOST_LETTERS


@dataclass(frozen=True, eq=False)
class Number:
    whole: bool


@dataclass(frozen=True, eq=False)
class Choice:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, eq=False)
class Sequence_:
    parts: tuple[Expression, ...]


@dataclass(frozen=True, eq=False)
class Members:
    """What is left of an object from property `place` on; first: none has come yet."""

    properties: tuple[tuple[bytes, Expression, bool], ...]
    place: int
    first: bool


@dataclass(frozen=True, eq=False)
class Items:
    """What is left of a list, of which `count` items have come."""

    item: Expression
    least: int
    most: int
    count: int = 0


Expression = Literal | Text | Number | Choice | Sequence_ | Members | Items
Rest = tuple[Expression, "Rest"] | None
State = tuple[Expression | None, Any, Rest]
"""(the terminal that the next byte goes to, how far it is, what follows it); see DONE for the text that is complete."""

DONE: State = (None, None, None)
_SPACE = Choice((Literal(b""), Literal(b" ")))
_LEADS = {
    **{lead: ((0x80, 0xBF),) for lead in range(0xC2, 0xE0)},
    **{lead: ((0x80, 0xBF), (0x80, 0xBF)) for lead in range(0xE1, 0xF0)},
    0xE0: ((0xA0, 0xBF), (0x80, 0xBF)),
    0xED: ((0x80, 0x9F), (0x80, 0xBF)),
    **{lead: ((0x80, 0xBF), (0x80, 0xBF), (0x80, 0xBF)) for lead in range(0xF1, 0xF4)},
    0xF0: ((0x90, 0xBF), (0x80, 0xBF), (0x80, 0xBF)),
    0xF4: ((0x80, 0x8F), (0x80, 0xBF), (0x80, 0xBF)),
}
"""Bytes that may follow the first one of a character in UTF-8."""


def expression(schema: Mapping[str, Any]) -> Expression:
    """What a text of JSON looks like that fits the schema (without references: see `json_schema.resolved`)."""
    if "const" in schema:
        return _literal(schema["const"])
    if "enum" in schema:
        return Choice(tuple(_literal(value) for value in schema["enum"]))
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return Choice(tuple(expression(part) for part in schema[key]))
    kinds = schema.get("type")
    if kinds is None:
        kinds = "object" if "properties" in schema else "array" if "items" in schema else None
    if kinds is None:
        return _anything(ANY_DEPTH)
    if not isinstance(kinds, str):
        return Choice(tuple(expression({**schema, "type": kind}) for kind in kinds))
    return _typed(kinds, schema)


def start(schema: Mapping[str, Any], leads: Sequence[bytes] = (b"",)) -> frozenset[State]:
    """The states before the first byte. leads: what may stand before the value, one of them."""
    lead = Choice(tuple(Literal(text) for text in leads))
    return frozenset(_opened((lead, (expression(schema), None))))


def start_named(schemas: Mapping[str, Mapping[str, Any]], lead: bytes = b"") -> frozenset[State]:
    """The states before `lead`, one of the names, a space and a value that fits the name's schema."""
    named = (Sequence_((Literal(lead + name.encode() + b" "), expression(schema))) for name, schema in schemas.items())
    return frozenset(_opened((Choice(tuple(named)), None)))


def advance(states: Iterable[State], byte: int) -> frozenset[State]:
    """The states after a byte; empty if no text that fits has it here."""
    after: set[State] = set()
    for terminal, at, rest in states:
        match terminal:
            case Literal(text):
                if text[at] == byte:
                    after |= {(terminal, at + 1, rest)} if at + 1 < len(text) else _opened(rest)
            case Text():
                after |= _in_text(terminal, at, rest, byte)
            case Number(whole):
                after |= _in_number(terminal, at, rest, byte, whole)
    return frozenset(after)


def accepted(states: Iterable[State], text: bytes) -> frozenset[State]:
    """The states after all of `text`; empty if it does not fit."""
    now = frozenset(states)
    for byte in text:
        now = advance(now, byte)
        if not now:
            break
    return now


def complete(states: Iterable[State]) -> bool:
    """Whether the text may end here."""
    return any(state == DONE or _ends(state) for state in states)


def only_complete(states: Iterable[State]) -> bool:
    """Whether it has to."""
    return all(state == DONE for state in states)


def _typed(kind: str, schema: Mapping[str, Any]) -> Expression:
    match kind:
        case "string":
            most = min(schema.get("maxLength", MOST_LETTERS), MOST_LETTERS)
            return Sequence_((Literal(b'"'), Text(min(schema.get("minLength", 0), most), most)))
        case "integer" | "number":
            low, high = schema.get("minimum"), schema.get("maximum")
            if kind == "integer" and low is not None and high is not None and 0 <= high - low < SMALL_RANGE:
                return Choice(tuple(_literal(value) for value in range(int(low), int(high) + 1)))
            return Number(kind == "integer")
        case "boolean":
            return Choice((Literal(b"true"), Literal(b"false")))
        case "null":
            return Literal(b"null")
        case "array":
            item = schema.get("items", {})
            least = schema.get("minItems", 0)
            most = max(least, min(schema.get("maxItems", MOST_ITEMS), MOST_ITEMS))
            inner = expression(item) if isinstance(item, Mapping) else _anything(ANY_DEPTH)
            return Sequence_((Literal(b"["), Items(inner, least, most)))
    properties = schema.get("properties")
    if not properties:
        others = schema.get("additionalProperties", True)
        if others is False:
            return Literal(b"{}")
        return _record(expression(others) if isinstance(others, Mapping) and others else _anything(ANY_DEPTH))
    needed = schema.get("required", ())
    members = tuple((_json(name), expression(inner), name in needed) for name, inner in properties.items())
    return Sequence_((Literal(b"{"), Members(members, 0, True)))


@cache
def _anything(depth: int) -> Expression:
    parts: list[Expression] = [_typed(kind, {}) for kind in ("string", "number", "boolean", "null")]
    if depth:
        inner = _anything(depth - 1)
        parts += [Sequence_((Literal(b"["), Items(inner, 0, MOST_ITEMS))), _record(inner)]
    return Choice(tuple(parts))


def _record(value: Expression) -> Expression:
    """An object with any names."""
    member = Sequence_((Literal(b'"'), Text(1, 40), Literal(b":"), _SPACE, value))
    return Choice((Literal(b"{}"), Sequence_((Literal(b"{"), _Braced(member, 1, MOST_ITEMS)))))


@dataclass(frozen=True, eq=False)
class _Braced(Items):
    """Items that a brace closes."""


def _literal(value: Any) -> Literal:
    return Literal(_json(value))


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def _opened(rest: Rest) -> set[State]:
    """The states in which the next byte goes to a terminal, from the expressions that are to come."""
    if rest is None:
        return {DONE}
    head, tail = rest
    match head:
        case Literal(text):
            return {(head, 0, tail)} if text else _opened(tail)
        case Text():
            return {(head, ((), 0), tail)}
        case Number():
            return {(head, ("", 0), tail)}
        case Choice(parts):
            return set().union(*(_opened((part, tail)) for part in parts))
        case Sequence_(parts):
            return _opened(_chain(parts, tail))
        case Members(properties, place, first):
            if place == len(properties):
                return _opened((Literal(b"}"), tail))
            key, value, needed = properties[place]
            opening = (Literal(key + b":"), _SPACE, value, Members(properties, place + 1, False))
            parts = opening if first else (Literal(b","), _SPACE, *opening)
            taken = _opened(_chain(parts, tail))
            return taken if needed else taken | _opened((Members(properties, place + 1, first), tail))
        case Items(item, least, most, count):
            found: set[State] = set()
            if count >= least:
                found |= _opened((Literal(b"}" if isinstance(head, _Braced) else b"]"), tail))
            if count < most:
                more = type(head)(item, least, most, count + 1)
                parts = (item, more) if not count else (Literal(b","), _SPACE, item, more)
                found |= _opened(_chain(parts, tail))
            return found


def _chain(parts: Sequence[Expression], tail: Rest) -> Rest:
    for part in reversed(parts):
        tail = (part, tail)
    return tail


def _in_text(terminal: Text, at: Any, rest: Rest, byte: int) -> set[State]:
    """at: (what has to follow, letters so far). What has to follow: ranges of bytes, or "\\" after a backslash."""
    wanted, count = at
    if wanted == "\\":
        return {(terminal, ((), count + 1), rest)} if byte in b'"\\/bfnrt' else set()
    if wanted:
        low, high = wanted[0]
        return {(terminal, (wanted[1:], count), rest)} if low <= byte <= high else set()
    if byte == 0x22:
        return _opened(rest) if count >= terminal.least else set()
    if count >= terminal.most or byte < 0x20:
        return set()
    if byte == 0x5C:
        return {(terminal, ("\\", count), rest)}
    if byte < 0x80:
        return {(terminal, ((), count + 1), rest)}
    return {(terminal, (_LEADS[byte], count + 1), rest)} if byte in _LEADS else set()


def _in_number(terminal: Number, at: Any, rest: Rest, byte: int, whole: bool) -> set[State]:
    """at: (part, digits of the part). Parts: "" nothing, "-" a sign, "0" a leading zero, "1" digits, "." fraction."""
    part, digits = at
    if 0x30 <= byte <= 0x39:
        if part in ("", "-"):
            return {(terminal, ("0" if byte == 0x30 else "1", 1), rest)}
        if part in ("1", ".") and digits < MOST_DIGITS:
            return {(terminal, (part, digits + 1), rest)}
        return set()
    if byte == 0x2D and part == "":
        return {(terminal, ("-", 0), rest)}
    if byte == 0x2E and part in ("0", "1") and not whole:
        return {(terminal, (".", 0), rest)}
    # Any other byte ends the number, if it may end, and belongs to what follows.
    return set(advance(_opened(rest), byte)) if digits else set()


def _ends(state: State) -> bool:
    """Whether the text may end in the midst of a number."""
    terminal, at, rest = state
    return isinstance(terminal, Number) and at[1] > 0 and complete(_opened(rest))
