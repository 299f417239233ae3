"""An answerer with the instructions of one conversation: the model behind it is shared by all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

from duplex.models.interaction.contract import Answerer, Control, Request, Say


class Instructed:
    """Everything else of the answerer (that it prepares, listens, has tools) is as it is. instructions: as they are
    now; empty: the model's own."""

    def __init__(self, answerer: Answerer, instructions: Callable[[], str]) -> None:
        self._answerer = answerer
        self._instructions = instructions
        self.name = answerer.name
        if hasattr(answerer, "prepare"):
            self.prepare = lambda request: answerer.prepare(self._with_them(request))

    def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        return self._answerer.answer(self._with_them(request))

    async def close(self) -> None:
        await self._answerer.close()

    def _with_them(self, request: Request) -> Request:
        return replace(request, instructions=self._instructions())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answerer, name)
