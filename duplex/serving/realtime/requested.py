"""What a client adds to the conversation: read from JSON that anybody may have written."""

from __future__ import annotations

import re
from typing import Any

from duplex.conversation.typed import typed_text
from duplex.serving.realtime.client_tools import LONGEST_RESULT
from duplex.serving.realtime.items import Item, function_call
from duplex.serving.realtime.wire import ClientError, new_id, unsupported

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ROLES = {"user": ("input_text",), "assistant": ("output_text", "text"), "system": ("input_text",)}


def parse_item(given: object) -> Item:
    """Raises ClientError."""
    if not isinstance(given, dict):
        raise ClientError("item: must be an object", "missing_required_parameter", "item")
    match given.get("type"):
        case "message":
            return _message(given)
        case "function_call_output":
            result = text_of(given, "output", LONGEST_RESULT)
            fields = {"call_id": text_of(given, "call_id", 64), "output": result}
            return Item("", [], _id(given), kind="function_call_output", fields=fields)
        case "function_call":
            name, call_id = text_of(given, "name", 64), text_of(given, "call_id", 64)
            return function_call(name, text_of(given, "arguments", LONGEST_RESULT), call_id, _id(given))
    kind = str(given.get("type"))[:40]
    raise unsupported(f"an item of type {kind!r}", "item.type", "there are messages, calls of functions and results")


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


def text_of(given: dict[str, Any], name: str, longest: int) -> str:
    """A field that is a text. Raises ClientError."""
    value = given.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise ClientError(f"{name}: must be a text of at most {longest} characters", "invalid_value", name)
    return value
