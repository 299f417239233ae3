"""How a built-in ability is made a tool, and where all of them are found."""

from __future__ import annotations

from collections.abc import Callable

from duplex.models.interaction.tools.tool import Facts, Tool

BUILTIN: dict[str, Tool] = {}
"""By name, once `duplex.models.interaction.tools.builtin` is imported."""


def builtin(
    *, say: Callable[[Facts], str], destructive: bool = False, ask: str | None = None
) -> Callable[[Callable[..., Facts]], Callable[..., Facts]]:
    """Registers a function (context, arguments) -> facts as a tool. It is pure but for the controls that it appends to
    its context, so trying it costs nothing and changes nothing. say: the facts in words."""

    def register(function: Callable[..., Facts]) -> Callable[..., Facts]:
        made = Tool.of(function, say=say, destructive=destructive, ask=ask, immediate=True)
        BUILTIN[made.name] = made
        return function

    return register
