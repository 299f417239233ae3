"""Arguments as Duplex-nano writes them: a span of time in the words that were said, since it copies better than it
calculates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from duplex.models.interaction.skills.durations import LONGEST_DURATION, parse_duration, say_exactly
from duplex.models.interaction.skills.numbers import exact
from duplex.models.interaction.skills.words import plain

SPANS = ("seconds",)
"""Names of parameters that hold a span of time, in seconds."""


def spoken_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of a tool's arguments as they are written."""
    properties = {
        name: {"type": "string"} if name in SPANS else inner for name, inner in schema.get("properties", {}).items()
    }
    return {**schema, "properties": properties}


def as_written(arguments: Mapping[str, Any], text: str) -> dict[str, Any]:
    """text: the turn that asks for the call, in whose words spans of time are written."""
    return {
        name: _words(value, text) if name in SPANS and isinstance(value, int | float) else value
        for name, value in arguments.items()
    }


def as_called(arguments: Mapping[str, Any]) -> dict[str, Any] | None:
    """The arguments that the tool takes; None if a span of time is none."""
    called = dict(arguments)
    for name in SPANS:
        if isinstance(called.get(name), str):
            seconds = parse_duration(plain(called[name]).split())
            if seconds is None:
                return None
            called[name] = float(seconds)
    return called


def _words(seconds: float, text: str) -> str:
    words = plain(text).split()
    for length in range(min(LONGEST_DURATION, len(words)), 0, -1):
        for start in range(len(words) - length + 1):
            if parse_duration(words[start : start + length]) == exact(seconds):
                return " ".join(words[start : start + length])
    return say_exactly(exact(seconds))
