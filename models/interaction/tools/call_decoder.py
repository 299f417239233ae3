"""From free text to a call and to its end: where a model begins a call, its tokens are held to the tool's schema."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from duplex.models.interaction.tools import json_prefix
from duplex.models.interaction.tools.json_prefix import State
from duplex.models.interaction.tools.json_schema import BrokenSchema, resolved
from duplex.models.interaction.tools.token_mask import Vocabulary

_OPENING = re.compile(rb"(?:<\|?tool_calls?\|?>|\[TOOL_CALLS\]|<\|python_tag\|>)")
"""What stands before a call in the chat templates of Qwen, Hermes, SmolLM2, Granite, Mistral and Llama."""
_LEADS = (b"", b" ", b"\n", b"[", b"\n[", b" [")
_BARE = re.compile(rb"\s*(?:```(?:json)?\s*)?(?={)")
_TAIL = 64
"""Bytes of the text in which an opening is looked for."""


class CallDecoder:
    """Follows one completion, token by token.

    tools: as chat models are told of them (OpenAI's form). names: the text of each special token, which opens a call in
    many templates. call: the JSON of a call, {"name": ..., "arguments": {...}}, once it is complete. marked: a call has
    begun behind such an opening. forced: the completion is a call, from its first token.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        tools: Iterable[dict[str, Any]],
        names: Sequence[str | None],
        *,
        forced: bool = False,
    ) -> None:
        self.call = ""
        self.marked = forced
        self._vocabulary = vocabulary
        self._names = names
        calls = {"anyOf": list(_calls(tools))}
        self._bare = json_prefix.start(calls)
        self._marked = json_prefix.start(calls, _LEADS)
        self._states: frozenset[State] | None = self._bare if forced else None
        """Of the call that has begun; None in free text."""
        self._text = b""
        """Of the call; in free text, what came so far."""
        self._begun = False
        """Whether there was free text, so that JSON in the midst of it is no call."""

    def mask(self) -> np.ndarray | None:
        """(tokens,), True for those that may come next; None if all may."""
        return None if self._states is None else self._vocabulary.allowed(self._states)

    def put(self, token: int) -> None:
        """The token that was chosen."""
        piece = self._vocabulary.tokens[token] if token < len(self._vocabulary.tokens) else None
        if piece is None:
            piece = (self._names[token] or "").encode() if token < len(self._names) else b""
        self._text += piece
        if self._states is None:
            self._look_for_opening()
        else:
            self._states = json_prefix.accepted(self._states, piece)
        if self._states is not None and json_prefix.only_complete(self._states):
            self.call, self._states = self._text.decode(), None

    def _look_for_opening(self) -> None:
        opening = list(_OPENING.finditer(self._text))
        bare = None if self._begun or opening else _BARE.match(self._text)
        at = opening[-1].end() if opening else bare.end() if bare else None
        if at is not None:
            states = json_prefix.accepted(self._marked if opening else self._bare, self._text[at:])
            if states:
                self._states, self._text, self.marked = states, self._text[at:], bool(opening)
                return
        if not self._begun and not opening and self._text.strip() and not b"```json".startswith(self._text.strip()):
            self._begun = True
        self._text = self._text[-_TAIL:]


def _calls(tools: Iterable[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    for tool in tools:
        function = tool["function"]
        try:
            arguments = resolved(function["parameters"])
        except BrokenSchema:
            continue
        yield {
            "type": "object",
            "properties": {"name": {"const": function["name"]}, "arguments": arguments},
            "required": ["name", "arguments"],
        }
