"""One event of a streamed chat completion, in the forms that servers send; and why a completion holds no answer."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "thoughts", "reasoning_details")


@dataclass(frozen=True, slots=True)
class CallPiece:
    """What one event adds to a call of a tool; index: which of the completion's calls."""

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class Delta:
    """What one event adds: text to speak, whether the model reasons or calls a tool, and why it ends ("" if not)."""

    text: str = ""
    reasoning: bool = False
    tool: str = ""
    finish: str = ""
    calls: tuple[CallPiece, ...] = ()


def delta_of(event: Mapping[str, Any]) -> Delta:
    """The first choice of a decoded event. Raises AttributeError, TypeError or LookupError for another structure."""
    choices = [choice for choice in event.get("choices") or () if not choice.get("index")]
    if not choices:
        return Delta()
    choice = choices[0]
    delta = choice.get("delta") or choice.get("message") or {}
    content = delta.get("content")
    text = text_of(content) or text_of(delta.get("refusal")) or text_of(choice.get("text"))
    reasoning = any(delta.get(field) for field in _THOUGHT_FIELDS) or _has_thought(content)
    finish = choice.get("finish_reason")
    return Delta(text, reasoning, _tool(delta), str(finish) if finish else "", tuple(_call_pieces(delta)))


def text_of(content: Any) -> str:
    """The text of `content`: a string, None, one part or a list of parts; parts that are not text are left out."""
    if isinstance(content, str):
        return content
    if isinstance(content, Mapping):
        if content.get("type", "text") not in ("text", "output_text", "refusal"):
            return ""
        text = content.get("text", content.get("refusal"))
        return text_of(text.get("value")) if isinstance(text, Mapping) else text_of(text)
    if isinstance(content, list):
        return "".join(text_of(part) for part in content)
    return ""


@dataclass(slots=True)
class Completion:
    """What has been seen of one completion, to name the cause if no answer comes of it."""

    limit: int | None = None
    """max_tokens of the request; None if unknown."""
    reasoned: bool = False
    tool: str = ""
    finish: str = ""

    def add(self, delta: Delta) -> None:
        self.reasoned = self.reasoned or delta.reasoning
        self.tool = self.tool or delta.tool
        self.finish = delta.finish or self.finish

    def silence(self) -> tuple[str, str]:
        """(cause and remedy, what to say to the user) of a completion without an answer."""
        limit = "max_tokens" if self.limit is None else f"max_tokens ({self.limit})"
        if self.finish == "content_filter":
            return (
                "the server's content filter withheld the answer; change the filter or set llm_model to another model",
                "The answer of the language model was withheld by its content filter.",
            )
        if self.finish in ("length", "max_tokens"):
            spoken = "The language model reached its length limit before it gave an answer."
            if self.reasoned:
                return (
                    f"the model used {limit} for reasoning and gave no answer; raise max_tokens, turn the model's "
                    "reasoning off, or set llm_model to a model that does not reason",
                    spoken,
                )
            return f"the model reached {limit} without an answer; raise max_tokens", spoken
        if self.tool:
            return (
                f"the model called a tool ({self.tool}) and gave no answer; no tools are offered: turn tool use off at "
                'the server (tool_choice "none") or set llm_model to another model',
                "The language model asked for a tool and gave no answer.",
            )
        if self.reasoned:
            return (
                "the model only reasoned and gave no answer; turn its reasoning off, or set llm_model to a model that "
                "does not reason",
                "The language model gave no answer.",
            )
        return (
            "the model gave an empty answer; check its chat template and system_prompt, or set llm_model to another "
            "model",
            "The language model gave no answer.",
        )


def _has_thought(content: Any) -> bool:
    parts = content if isinstance(content, list) else [content]
    return any(isinstance(part, Mapping) and part.get("type") in ("thinking", "reasoning") for part in parts)


def _call_pieces(delta: Mapping[str, Any]) -> Iterator[CallPiece]:
    calls = delta.get("tool_calls")
    if not isinstance(calls, list):
        calls = [{"function": delta["function_call"]}] if delta.get("function_call") else []
    for place, call in enumerate(calls):
        function = call.get("function") or {}
        arguments = function.get("arguments") or ""
        if not isinstance(arguments, str):  # some servers send them read
            arguments = json.dumps(arguments, ensure_ascii=False)
        index = call.get("index")
        yield CallPiece(
            place if index is None else int(index), call.get("id") or "", function.get("name") or "", arguments
        )


def _tool(delta: Mapping[str, Any]) -> str:
    """The name of the tool that the delta calls, "unnamed" if it has none, "" if no tool is called."""
    call = delta.get("function_call")
    calls = delta.get("tool_calls")
    if isinstance(calls, list) and calls:
        call = calls[0].get("function") or {}
    elif not call:
        return ""
    name = call.get("name") if isinstance(call, Mapping) else None
    return json.dumps(name, ensure_ascii=False) if name else "unnamed"
