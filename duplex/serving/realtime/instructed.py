"""An answerer with the instructions and the tools of one conversation: the model behind it is shared by all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from duplex.models.interaction.contract import Answerer, Control, Request, Say

if TYPE_CHECKING:
    from duplex.models.interaction.tools.tool import Tool


class Instructed:
    """Everything else of the answerer (that it prepares, listens, has tools) is as it is. instructions, tools,
    must_call: as they are now; no instructions: the model's own."""

    def __init__(
        self,
        answerer: Answerer,
        instructions: Callable[[], str],
        tools: Callable[[], tuple[Tool, ...]],
        must_call: Callable[[], bool],
    ) -> None:
        self._answerer = answerer
        self._instructions = instructions
        self._tools = tools
        self._must_call = must_call
        self.name = answerer.name
        if hasattr(answerer, "prepare"):
            self.prepare = lambda request: answerer.prepare(self._with_them(request))

    def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        return self._answerer.answer(self._with_them(request))

    async def close(self) -> None:
        await self._answerer.close()

    def _with_them(self, request: Request) -> Request:
        return replace(request, instructions=self._instructions(), tools=self._tools(), must_call=self._must_call())

    def __getattr__(self, name: str) -> Any:
        return getattr(self._answerer, name)
