"""The calls that a model asks for: gathered from the pieces of a stream, or read out of its text."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

_OPENING = re.compile(r'\{\s*"')
_NAMES = ("name", "function", "tool", "tool_name", "action")
_ARGUMENTS = ("arguments", "parameters", "args", "input", "kwargs", "tool_input", "action_input")


class Piece(Protocol):
    """What one event adds to a call."""

    @property
    def index(self) -> int: ...
    @property
    def id(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def arguments(self) -> str: ...


@dataclass(slots=True)
class WantedCall:
    """A call as the model asks for it; arguments: JSON, unchecked."""

    id: str
    name: str
    arguments: str

    @property
    def message(self) -> dict[str, Any]:
        """As the conversation's messages have it (OpenAI's form)."""
        function = {"name": self.name, "arguments": self.arguments or "{}"}
        return {"id": self.id, "type": "function", "function": function}


class CallGatherer:
    """Calls out of the pieces of a stream. Some servers number all calls 0 and tell them apart by their ids."""

    def __init__(self) -> None:
        self._calls: list[WantedCall] = []
        self._at: dict[int, WantedCall] = {}

    def add(self, pieces: Iterable[Piece]) -> None:
        for piece in pieces:
            call = self._at.get(piece.index)
            if call is None or (piece.id and call.id and piece.id != call.id):
                call = self._at[piece.index] = WantedCall(piece.id, "", "")
                self._calls.append(call)
            call.id = call.id or piece.id
            call.name += piece.name
            call.arguments += piece.arguments

    @property
    def calls(self) -> list[WantedCall]:
        """All that have a name; those without an id get one."""
        named = [call for call in self._calls if call.name]
        for number, call in enumerate(named):
            call.id = call.id or f"call_{number}"
        return named


def calls_in(text: str, names: Sequence[str]) -> list[WantedCall]:
    """Calls of the tools `names` that the model wrote into its text: {"name": ..., "arguments": {...}}."""
    found: list[WantedCall] = []
    decoder, at = json.JSONDecoder(), 0
    while (opening := _OPENING.search(text, at)) is not None:
        at = opening.end()
        try:
            value, end = decoder.raw_decode(text, opening.start())
        except (ValueError, RecursionError):
            continue
        call = _call(value, names)
        if call is not None:
            call.id = f"call_{len(found)}"
            found.append(call)
            at = end
    return found


def _call(value: Any, names: Sequence[str]) -> WantedCall | None:
    if not isinstance(value, dict):
        return None
    inner = value.get("function")
    if isinstance(inner, dict):
        return _call(inner, names)
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), "")
    if name not in names:
        return None
    arguments = next((value[key] for key in _ARGUMENTS if key in value), {})
    return WantedCall("", name, arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False))
