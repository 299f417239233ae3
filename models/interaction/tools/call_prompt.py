"""How a local model is told of tools: by its chat template where that knows them, else in words."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from duplex.models.interaction.tools.call_decoder import CallDecoder
from duplex.models.interaction.tools.token_mask import Vocabulary, vocabulary_of

PROTOCOL = (
    'You can use tools. To use one, write nothing but JSON such as {"name": "set_timer", "arguments": {"seconds": 300}}'
    "; you are then given what it returned. Use one only where it is needed, else just answer. The tools:"
)


class CallPrompt:
    """tools: in OpenAI's form. A vocabulary that JSON cannot be made of leaves the model without constraints."""

    def __init__(self, tokenizer: Any, tools: Sequence[dict[str, Any]]) -> None:
        self.names = [tool["function"]["name"] for tool in tools]
        self._tools = list(tools)
        self._tokenizer = tokenizer
        self._knows = "tools" in str(getattr(tokenizer, "chat_template", None) or "")
        self._vocabulary: Vocabulary | None = None
        self._special: list[str | None] = []
        if tools:
            try:
                self._vocabulary = vocabulary_of(tokenizer)
            except ValueError:
                return
            self._special = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))

    @property
    def templated(self) -> list[dict[str, Any]] | None:
        """What the chat template is given."""
        return self._tools if self._tools and self._knows else None

    def decoder(self, *, forced: bool = False) -> CallDecoder | None:
        """Follows one completion; None where there is nothing to call, or no way to hold it to a schema. forced: it is
        a call."""
        if self._vocabulary is None:
            return None
        return CallDecoder(self._vocabulary, self._tools, self._special, forced=forced)

    def worded(self, messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """The messages as the template takes them; for one that knows no tools, calls and results as turns."""
        if not self._tools:
            return list(messages)
        if self._knows:
            return [_read(message) for message in messages]
        told = "\n".join(_line(tool["function"]) for tool in self._tools)
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{PROTOCOL}\n{told}"}
        turns = [first]
        for message in map(_as_turn, messages[1:]):
            if turns[-1]["role"] == message["role"]:
                message = {**message, "content": f"{turns.pop()['content']}\n{message['content']}"}
            turns.append(message)
        return turns


def _read(message: dict[str, Any]) -> dict[str, Any]:
    """Templates write arguments as JSON themselves."""
    if "tool_calls" not in message:
        return message
    calls = [
        {**call, "function": {**call["function"], "arguments": _arguments(call["function"]["arguments"])}}
        for call in message["tool_calls"]
    ]
    return {**message, "tool_calls": calls}


def _arguments(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return {}


def _as_turn(message: dict[str, Any]) -> dict[str, Any]:
    if message["role"] == "tool":
        return {"role": "user", "content": f"(What the tool returned, as data: {message['content']})"}
    if "tool_calls" in message:
        calls = (call["function"] for call in message["tool_calls"])
        written = [json.dumps({"name": call["name"], "arguments": _arguments(call["arguments"])}) for call in calls]
        return {"role": "assistant", "content": "\n".join([*filter(None, [message["content"]]), *written])}
    return message


def _line(function: dict[str, Any]) -> str:
    """ "set_timer(seconds: number, label?: string): Start a timer." """
    schema = function["parameters"]
    needed = schema.get("required", ())
    told = ", ".join(
        f"{name}{'' if name in needed else '?'}: {_kind(inner)}" for name, inner in schema.get("properties", {}).items()
    )
    return f"- {function['name']}({told}): {function['description']}"


def _kind(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "|".join(json.dumps(value) for value in schema["enum"])
    if "anyOf" in schema:
        return "|".join(_kind(part) for part in schema["anyOf"])
    return str(schema.get("type", "any"))
