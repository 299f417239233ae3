"""One answer of a chat model that may call tools: completion, calls, completion, until it speaks."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from typing import Any

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.responders.answer_text import AnswerText
from duplex.models.interaction.responders.completion_events import Delta
from duplex.models.interaction.tools.rounds import Rounds
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.interaction.tools.wanted import CallGatherer, WantedCall, calls_in

_TAGGED = re.compile(r"<(?:tool|function)_calls?>")

Complete = Callable[[list[dict[str, Any]], bool], AsyncIterator[Delta]]
"""(messages that follow the request's own, whether calls may be asked for) -> the deltas of one completion."""


class ToolAnswer:
    """complete: makes one completion. text: makes what turns its deltas into what is spoken.

    answer: of the last completion. silent: nothing was said and nothing done, so there is no answer.
    """

    def __init__(self, toolbox: Toolbox, request: Request, complete: Complete, text: Callable[[], AnswerText]) -> None:
        self.answer = text()
        self._toolbox = toolbox
        self._rounds = Rounds(toolbox, request)
        self._complete = complete
        self._text = text
        self._spoke = False
        """Whether something was said before the last completion."""
        self._said = False
        self._round = 0

    @property
    def silent(self) -> bool:
        return not self.answer.spoke and not self._spoke and not self._rounds.said and not self._rounds.over

    async def items(self) -> AsyncIterator[Say | Control]:
        """Raises what `complete` raises."""
        more: list[dict[str, Any]] = []
        while True:
            written: list[str] = []
            gathered = CallGatherer()
            offered = self._rounds.offered
            async with aclosing(self._complete(more, offered)) as deltas:  # type: ignore[type-var]
                async for delta in deltas:
                    gathered.add(delta.calls)
                    written.append(delta.text)
                    if text := self.answer.push(delta):
                        yield self._say(text)
                    if self.answer.done:
                        break
            if text := self.answer.flush():
                yield self._say(text)
            wanted = gathered.calls
            if not wanted and offered:
                wanted = self._written("".join(written))
            if not wanted or not offered:
                break
            async with aclosing(self._rounds.carry_out(wanted, spoke=self.answer.spoke)) as items:
                async for item in items:
                    yield self._say(item.text) if isinstance(item, Say) else item
                    self._spoke = self._spoke or isinstance(item, Say)
            if self._rounds.over:
                return
            more += self._rounds.messages("".join(written).strip() if self.answer.spoke else "")
            self._spoke = self._spoke or self.answer.spoke
            self.answer = self._text()
        if not self.answer.spoke and (said := self._rounds.said):
            yield self._say(said)

    def _written(self, text: str) -> list[WantedCall]:
        """Calls in a text of which something was left unspoken; what a model only thinks of is none."""
        said = text.rpartition("</think>")[2]
        if self.answer.completion.tool or not self.answer.spoke or _TAGGED.search(said):
            return calls_in(said, [tool.name for tool in self._toolbox])
        return []

    def _say(self, text: str) -> Say:
        """Apart from what was said in the round before."""
        if self._round != self._rounds.rounds:
            text = f" {text.lstrip()}" if self._said else text
            self._round = self._rounds.rounds
        self._said = True
        return Say(text)
