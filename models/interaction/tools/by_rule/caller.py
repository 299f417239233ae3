"""Calls the user's own tools and those of MCP servers without a language model."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.skills.words import plain
from duplex.models.interaction.tools.by_rule.arguments import Parameters
from duplex.models.interaction.tools.by_rule.matching import Wanted, nearest, wanted
from duplex.models.interaction.tools.by_rule.utterance import Utterance
from duplex.models.interaction.tools.result_text import worded
from duplex.models.interaction.tools.rounds import Rounds
from duplex.models.interaction.tools.toolbox import DIALOGUES, Toolbox
from duplex.models.interaction.tools.wanted import WantedCall
from duplex.models.turn_taking.consent import is_no


@dataclass(frozen=True, slots=True)
class _Open:
    """A call that waits for an argument; question: what was asked for it."""

    wanted: Wanted
    party: str
    question: str


class RuleCaller:
    """toolbox: the tools that may be called, besides those of a request. Questions for what is missing stay open for
    the next turn of who was asked, in each dialogue."""

    def __init__(self, toolbox: Toolbox) -> None:
        self.toolbox = toolbox
        self._open: OrderedDict[str, _Open] = OrderedDict()

    def wanted(self, request: Request, text: str = "") -> Wanted | None:
        """The call that the turn, or `text` of it, asks for; None if none surely does."""
        return wanted(text or request.text, self.toolbox.of(request), request.wall_time)

    def continued(self, request: Request) -> Wanted | None:
        """The call that waited for what this turn says; None if none did, or the turn is another matter."""
        waiting = self._open.get(request.dialogue)
        last = request.history[-1] if request.history else None
        if waiting is None or waiting.party != request.party:
            return None
        del self._open[request.dialogue]
        if (
            is_no(request.text)
            or last is None
            or last.party != "assistant"
            or plain(waiting.question) not in plain(last.text)
        ):
            return None
        call = waiting.wanted
        said, parameters = Utterance(request.text, request.wall_time), Parameters(call.tool.parameters)
        if not parameters.take(call.missing[0], said):
            return None
        return Wanted(call.tool, {**call.arguments, **parameters.found}, call.missing[1:])

    async def answer(self, call: Wanted, request: Request) -> AsyncIterator[Say | Control]:
        """Asks for what is missing; else calls, asking first where that destroys something, and says the result."""
        if call.missing:
            question = Parameters(call.tool.parameters).question(call.missing[0])
            self._open[request.dialogue] = _Open(call, request.party, question)
            while len(self._open) > DIALOGUES:
                self._open.popitem(last=False)
            yield Say(question)
            return
        rounds = Rounds(self.toolbox.of(request), request)
        asked = WantedCall("call_0", call.tool.name, json.dumps(call.arguments, ensure_ascii=False))
        async with aclosing(rounds.carry_out([asked], spoke=False)) as items:
            async for item in items:
                yield item
        for _, outcome in rounds.outcomes:
            if not rounds.over:
                yield Say(outcome.said or worded(outcome.told, call.arguments))

    async def must_answer(self, request: Request) -> AsyncIterator[Say | Control]:
        """Calls the tool that the turn fits best, whether or not it surely asks for it: nobody is asked back. What the
        turn has no arguments for is not called, and nothing is said."""
        call = await request.run("understand", self._nearest, request)
        if call is not None:
            async with aclosing(self.answer(call, request)) as items:
                async for item in items:
                    yield item

    def _nearest(self, request: Request) -> Wanted | None:
        surely = self.wanted(request)
        if surely is not None and not surely.missing:
            return surely
        tools = [surely.tool] if surely is not None else []
        tools += [tool for tool in request.tools if tool not in tools]
        made = (nearest(request.text, tool, request.wall_time) for tool in tools)
        return next((call for call in made if not call.missing), None)

    def forget(self, dialogue: str) -> None:
        """The conversation is over."""
        self._open.pop(dialogue, None)
        self.toolbox.forget(dialogue)
