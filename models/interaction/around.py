"""An answerer that stands before another."""

from __future__ import annotations

from typing import Any

from duplex.models.interaction.contract import Answerer

OPTIONAL = frozenset({"prepare", "listener", "toolbox"})


class Around:
    """Base of such an answerer. Of OPTIONAL it has what the other one has, unless it has that itself."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer

    @property
    def name(self) -> str:
        return self.answerer.name

    def forget(self, dialogue: str) -> None:
        """The conversation is over."""
        if (forget := getattr(self.answerer, "forget", None)) is not None:
            forget(dialogue)

    async def close(self) -> None:
        await self.answerer.close()

    def __getattr__(self, name: str) -> Any:
        if name in OPTIONAL:
            return getattr(self.answerer, name)
        raise AttributeError(name)
