"""What the assistant answers to a request: the built-in skills understand it; the network learns what they would do."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from duplex.models.interaction.contract import Request, Say
from duplex.models.interaction.nano.spoken_arguments import as_written
from duplex.models.interaction.nano.train.world import Answer
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.answerer import joined
from duplex.models.interaction.skills.beyond import beyond

_NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def arguments(given: Mapping[str, Any], text: str) -> str:
    """Arguments as JSON in as few tokens as say the same: no defaults that are empty, whole numbers without a point.
    text: the turn that asks for them."""
    short = {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in given.items()
        if value not in ("", None)
    }
    return json.dumps(as_written(short, text), separators=(",", ":"), ensure_ascii=False, default=str)


class Understanding:
    """Answers to requests, each worked out once: calls of tools where the rules call them, else what the rules say."""

    def __init__(self) -> None:
        self._skills = Skills()
        self._known: dict[str, Answer | None] = {}

    def answer(self, text: str) -> Answer | None:
        """None for what is not answered at all, such as a backchannel or "stop"."""
        if text not in self._known:
            self._known[text] = self._answer(text)
        return self._known[text]

    def _answer(self, text: str) -> Answer | None:
        request = Request(text, wall_time=_NOON)
        parts = [part for part in self._skills.understand(request) if part.reply]
        if not parts:
            return Answer(beyond(request, "").strip())
        said = "".join(item.text for item in joined(parts) if isinstance(item, Say))
        made = [part.reply.call for part in parts if part.reply and part.reply.call]
        calls = tuple((call.tool, arguments(call.arguments, text)) for call in made)
        if any(call.tool == "stop" for call in made) or not (said or calls):
            return None
        # A turn of which a part is a tool's and another is not is no example of either.
        return Answer(said or "Okay.", calls, teach=len(calls) in (0, len(parts)))
