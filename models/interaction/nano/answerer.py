"""Duplex-nano as an answerer: it calls tools, or says a sentence; where it is unsure it asks what was meant."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.interaction.nano.answers import Drafted, Drafter
from duplex.models.interaction.nano.retelling import retold
from duplex.models.interaction.tools.rounds import Rounds
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.models.interaction.tools.wanted import WantedCall

SURE = 0.9
"""Probability from which a call is carried out."""
UNSURE = "Sorry, I did not get that. Could you say it differently?"


class NanoAnswerer:
    """An `Answerer` (models/interaction/contract.py) with the tools of `toolbox`. drafter: has the same tools."""

    name = "nano"

    def __init__(self, drafter: Drafter, toolbox: Toolbox) -> None:
        self._toolbox = toolbox
        self._drafter = drafter

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        drafted = await request.run("answer", self._draft, request)
        if not drafted.complete or (drafted.calls and drafted.score < SURE):
            yield Say(UNSURE)
            return
        if drafted.text:
            yield Say(drafted.text)
            return
        rounds = Rounds(self._toolbox, request)
        wanted = [
            WantedCall(f"call_{number}", name, json.dumps(given)) for number, (name, given) in enumerate(drafted.calls)
        ]
        async with aclosing(rounds.carry_out(wanted, spoke=False)) as items:
            async for item in items:
                yield item
        if not rounds.over and rounds.said:
            yield Say(rounds.said)

    def _draft(self, request: Request) -> Drafted:
        tokens = retold(request, self._drafter.vocabulary)
        return self._drafter.draft(self._drafter.graph.initial_cache(), tuple(tokens))

    async def close(self) -> None:
        """Ends nothing: the toolbox is closed by who opened it."""
