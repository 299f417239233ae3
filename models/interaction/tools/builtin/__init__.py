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
from duplex.models.interaction.tools.tool import Tool

__all__ = ["BUILTIN", "for_models"]

FOR_MODELS = (
    *("set_timer", "set_alarm", "set_reminder", "cancel_timers", "list_timers", "add_to_list", "read_list"),
    *("remember", "recall", "calculate", "current_time", "convert_units", "remove_from_list", "forget", "clear_list"),
    "search_transcript",
)
"""What a language model is offered, the most useful first: all else it either has no use for (a joke, a coin) or the
rules understand as well, and every tool takes room in its context."""


def for_models() -> list[Tool]:
    """The built-in tools that a language model is offered."""
    return [BUILTIN[name] for name in FOR_MODELS]
