"""What a client adds to the conversation, or wants answered: read from JSON that anybody may have written."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from duplex.conversation.typed import typed_text
from duplex.serving.realtime.client_tools import LONGEST_RESULT, parse_choice
from duplex.serving.realtime.configuration import parse_modalities
from duplex.serving.realtime.items import Item, function_call
from duplex.serving.realtime.wire import ClientError, new_id, unsupported

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES = {"user": ("input_text",), "assistant": ("output_text", "text"), "system": ("input_text",)}
_RESPONSE_DEFAULTS: dict[str, tuple[Any, ...]] = {
    "conversation": (None, "auto"),
    "input": (None,),
    "max_output_tokens": (None, "inf"),
    "audio": (None, {}),
}
"""What `response.create` may say without meaning anything else than the session does."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A response. instructions: for it alone, besides those of the session. without_tools: it calls none. silent:
    whether it is text alone; None: as the session has it."""

    metadata: dict[str, Any] | None = None
    instructions: str = ""
    without_tools: bool = False
    silent: bool | None = None


def parse_item(given: object) -> Item:
    """Raises ClientError."""
    if not isinstance(given, dict):
        raise ClientError("item: must be an object", "missing_required_parameter", "item")
    match given.get("type"):
        case "message":
            return _message(given)
        case "function_call_output":
            result = _text(given, "output", LONGEST_RESULT)
            fields = {"call_id": _text(given, "call_id", 64), "output": result}
            return Item("", [], _id(given), kind="function_call_output", fields=fields)
        case "function_call":
            name, call_id = _text(given, "name", 64), _text(given, "call_id", 64)
            return function_call(name, _text(given, "arguments", LONGEST_RESULT), call_id, _id(given))
    kind = str(given.get("type"))[:40]
    raise unsupported(f"an item of type {kind!r}", "item.type", "there are messages, calls of functions and results")


def parse_response(given: object, tools: list[Any]) -> Wanted:
    """tools: of the session. Raises ClientError on what would make it another than the session's."""
    if given is None:
        return Wanted()
    if not isinstance(given, dict):
        raise ClientError("response: must be an object", "invalid_type", "response")
    metadata, instructions, without_tools, silent = None, "", False, None
    for name, value in given.items():
        param = f"response.{name[:100]}"
        match name:
            case "metadata":
                metadata = _metadata(value)
            case "instructions":
                instructions = _text(given, name, 32_768) if value else ""
            case "output_modalities":
                silent = None if value is None else parse_modalities(value, param)
            case "tools" if value in (None, [], tools):
                without_tools = without_tools or value == []
            case "tool_choice":
                without_tools = without_tools or parse_choice(value, param) == "none"
            case _ if value not in _RESPONSE_DEFAULTS.get(name, (None,)):
                raise unsupported(param, param, "it is that of the session")
    return Wanted(metadata, instructions, without_tools, silent)


def _message(given: dict[str, Any]) -> Item:
    role = given.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise ClientError("item.role: must be user, assistant or system", "invalid_value", "item.role")
    parts = given.get("content")
    if not isinstance(parts, list) or not 0 < len(parts) <= 16:
        raise ClientError("item.content: must be a list of 1 to 16 parts", "invalid_value", "item.content")
    content = []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in _ROLES[role]:
            raise unsupported(f"content of type {str(kind)[:40]!r}", "item.content", "only text can be written")
        content.append({"type": kind, "text": typed_text(part["text"] if isinstance(part.get("text"), str) else "")})
    return Item(role, content, _id(given))


def _id(given: dict[str, Any]) -> str:
    """As it is given, or a new one."""
    id = given.get("id")
    if id is not None and (not isinstance(id, str) or not _ID.fullmatch(id)):
        raise ClientError("item.id: must have letters, digits, _ and -, at most 64", "invalid_value", "item.id")
    return id or new_id("item")


def _text(given: dict[str, Any], name: str, longest: int) -> str:
    value = given.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise ClientError(f"{name}: must be a text of at most {longest} characters", "invalid_value", name)
    return value


def _metadata(given: object) -> dict[str, Any] | None:
    if given is not None and (
        not isinstance(given, dict)
        or len(given) > 16
        or not all(isinstance(value, str) and len(value) <= 512 and len(name) <= 64 for name, value in given.items())
    ):
        raise ClientError("metadata: must be at most 16 short texts", "invalid_value", "response.metadata")
    return given
