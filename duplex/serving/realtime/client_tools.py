"""The tools of a client: the answerer calls them like any other, and their results come from the client."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from duplex.models.interaction import remote_tool
from duplex.serving.realtime.items import Item, function_call
from duplex.serving.realtime.wire import ClientError, unsupported
from duplex.streaming.errors import SettingsError, StageError

if TYPE_CHECKING:
    from duplex.models.interaction.tools.tool import Tool

MOST = 128
"""Tools of a session, as in the API."""

LARGEST = 65_536
"""Characters of all definitions together, as JSON."""

LONGEST_RESULT = 65_536
"""Characters of a result; a model is told fewer."""

LONGEST_WAIT = 600.0
"""Seconds for a result."""

MOST_OWED = 32
"""Results that a client may owe."""

_FIELDS = {"type", "name", "description", "parameters", "strict"}

Definition = Mapping[str, Any]
"""{"type": "function", "name", "description", "parameters"}."""

Choice = str | Mapping[str, str]
"""Of a call: "auto", "none", "required", or {"type": "function", "name"}."""


def parse_tools(given: object, param: str) -> tuple[Definition, ...]:
    """Raises ClientError."""
    if given is None:
        return ()
    if not isinstance(given, list) or len(given) > MOST:
        raise ClientError(f"{param}: must be a list of at most {MOST} tools", "invalid_value", param)
    if len(json.dumps(given)) > LARGEST:
        raise ClientError(f"{param}: may have {LARGEST} characters of JSON together", "invalid_value", param)
    tools = tuple(_parse_tool(each, f"{param}[{place}]") for place, each in enumerate(given))
    names = [tool["name"] for tool in tools]
    if twice := next((name for name in names if names.count(name) > 1), ""):
        raise ClientError(f"{param}: there are two tools named {twice!r}", "invalid_value", param)
    return tools


def parse_choice(given: object, param: str) -> Choice:
    """Raises ClientError."""
    if given is None or (isinstance(given, str) and given in ("auto", "none", "required")):
        return given or "auto"
    if not isinstance(given, dict):
        raise ClientError(f"{param}: must be auto, none, required or a function", "invalid_value", param)
    if given.get("type") != "function":
        raise unsupported(f"a choice of type {str(given.get('type'))[:40]!r}", f"{param}.type", "only functions are")
    name = given.get("name")
    if not isinstance(name, str) or len(given) > 2:
        raise ClientError(f"{param}: must have a type and a name", "invalid_value", param)
    return {"type": "function", "name": name[:100]}


def chosen(tools: tuple[Definition, ...], choice: Choice) -> tuple[tuple[Definition, ...], bool]:
    """(the tools that are offered, whether one of them must be called)."""
    if isinstance(choice, Mapping):
        tools = tuple(tool for tool in tools if tool["name"] == choice["name"])
        return tools, bool(tools)
    return () if choice == "none" else tools, choice == "required" and bool(tools)


class ClientTools:
    """called: takes the item of each call, to be told to the client. Raises StageError if nobody waits for it."""

    def __init__(self, called: Callable[[Item], None]) -> None:
        self._called = called
        self._owed: dict[str, asyncio.Future[str]] = {}
        self._given: dict[str, str] = {}

    def of(self, definitions: Sequence[Definition]) -> tuple[Tool, ...]:
        """What a request has of them."""
        return tuple(self._tool(each) for each in definitions)

    @property
    def answered(self) -> bool:
        """Whether a result is there with which an answer can go on."""
        return bool(self._given)

    def give(self, call_id: str, result: str) -> None:
        """The client has the result of a call; nothing, if it is not waited for (any more)."""
        if call_id in self._owed:
            self._given[call_id] = _unquoted(result)

    def go_on(self) -> None:
        """The answer goes on with the results that are there."""
        given, self._given = self._given, {}
        for call_id, result in given.items():
            owed = self._owed.get(call_id)
            if owed is not None and not owed.done():
                owed.set_result(result)

    def give_up(self) -> None:
        """No answer waits any more for what is owed now."""
        self._given.clear()
        for owed in self._owed.values():
            if not owed.done():
                owed.set_exception(StageError("its answer was given up"))

    def _tool(self, definition: Definition) -> Tool:
        name = definition["name"]

        async def call(**arguments: Any) -> str:
            return await self.result(name, arguments)

        return remote_tool(name, definition["description"], definition["parameters"], call, LONGEST_WAIT)

    async def result(self, name: str, arguments: Mapping[str, Any]) -> str:
        """Calls, and waits."""
        if len(self._owed) >= MOST_OWED:
            raise StageError(f"the client owes {MOST_OWED} results")
        item = function_call(name, json.dumps(arguments, ensure_ascii=False))
        call_id = item.fields["call_id"]
        self._called(item)
        owed = self._owed[call_id] = asyncio.get_running_loop().create_future()
        try:
            return await owed
        finally:
            del self._owed[call_id]
            self._given.pop(call_id, None)


def _unquoted(result: str) -> str:
    """A text that came as JSON, as some clients send every result, would be spoken with its quotes."""
    try:
        text = json.loads(result)
    except (ValueError, RecursionError):
        return result
    return text if isinstance(text, str) else result


async def _never(**arguments: Any) -> str:
    """Stands for the call where only the definition is checked."""
    raise NotImplementedError


def _parse_tool(given: object, param: str) -> Definition:
    if not isinstance(given, dict):
        raise ClientError(f"{param}: must be an object", "invalid_type", param)
    if given.get("type") != "function":
        raise unsupported(f"a tool of type {str(given.get('type'))[:40]!r}", f"{param}.type", "only functions are")
    if other := next((name for name in given if name not in _FIELDS), ""):
        raise ClientError(f"{param} has no field {other[:100]!r}", "unknown_parameter", f"{param}.{other[:100]}")
    name, description = given.get("name"), given.get("description") or ""
    parameters = given.get("parameters") or {"type": "object", "properties": {}}
    if not isinstance(name, str) or not isinstance(description, str):
        raise ClientError(f"{param}: name and description must be texts", "invalid_type", param)
    try:
        remote_tool(name, description, parameters, _never, LONGEST_WAIT)
    except SettingsError as error:
        raise ClientError(str(error), "invalid_value", param) from None
    return {"type": "function", "name": name, "description": description, "parameters": parameters}
