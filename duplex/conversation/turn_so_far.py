"""What is worked out on the words of a turn before it ends: how finished they look, and what its answer needs."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from typing import Any

from duplex.models.interaction.contract import Answerer, Request
from duplex.models.turn_taking.contract import TurnTakingModels
from duplex.streaming.pipeline import Node
from duplex.streaming.pool import Steps


class TurnSoFar:
    """Two nodes of the session's pipeline, of which each takes the latest words only: no old ones are worked off.

    scored: takes a text and the probability that it is finished. after: the nodes that feed these.
    """

    def __init__(
        self, models: TurnTakingModels, answerer: Answerer, steps: Steps, scored: Callable[[str, float], None]
    ) -> None:
        self.dialogue = secrets.token_hex(8)
        """Names this conversation to the answerer, which may serve others."""
        self._answerer = answerer
        self._last = ""
        self._prepared = ""

        async def score(text: str) -> None:
            scored(text, await steps.run("endpoint", models.end_of_turn, text, limit=2.0))

        self._scorer: Node[str] = Node("endpoint", score, capacity=1, policy="latest")
        self.nodes: list[Node[Any]] = [self._scorer]
        self._preparer: Node[Request] | None = None
        if (prepare := getattr(answerer, "prepare", None)) is not None:
            self._preparer = Node("prepare", prepare, capacity=1, policy="latest", capability="preparing answers")
            self.nodes.append(self._preparer)

    def follow(self, nodes: Sequence[Node[Any]]) -> None:
        """These nodes feed those of the turn."""
        for node in self.nodes:
            node.after = tuple(nodes)

    def score(self, text: str) -> None:
        """The turn says `text`; it is scored once, however often it is told."""
        if text != self._last:
            self._last = text
            self._scorer.put(text)

    def prepare(self, text: str, request: Callable[[str], Request]) -> None:
        """The turn says `text`, without words that may still change; `request` makes what would be asked of it."""
        if self._preparer is not None and text and text != self._prepared:
            self._prepared = text
            self._preparer.put(request(text))

    def close(self) -> None:
        """The conversation is over: the answerer need not keep what it knows of it."""
        if (forget := getattr(self._answerer, "forget", None)) is not None:
            forget(self.dialogue)
