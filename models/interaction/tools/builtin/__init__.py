"""The built-in abilities as tools: typed functions that give facts, each with a way to say them."""

from duplex.models.interaction.tools.builtin import (  # noqa: F401  (each registers its tools)
    calculation,
    chance,
    clock,
    jokes,
    lists,
    memory,
    steering,
    timers,
    transcript,
    units,
)
from duplex.models.interaction.tools.builtin.register import BUILTIN

__all__ = ["BUILTIN"]
