"""What the turn-taking models of a language are: three functions of the words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TurnTakingModels:
    """end_of_turn: how finished a turn's words look, 0 to 1. is_backchannel: whether they leave the floor alone.
    asks_for_floor: whether even a short burst of them is meant to take the floor."""

    end_of_turn: Callable[[str], float]
    is_backchannel: Callable[[str], bool]
    asks_for_floor: Callable[[str], bool]
