"""What the models of turn taking are: three questions about the text of a turn so far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class EndOfTurn(Protocol):
    def __call__(self, text: str) -> float:
        """The probability, 0 to 1, that the turn that holds `text` so far is over."""
        ...


class IsBackchannel(Protocol):
    def __call__(self, text: str, *, answering: bool = False) -> bool:
        """Whether `text` leaves the floor where it is; `answering`: the assistant has just asked something."""
        ...


class AsksForFloor(Protocol):
    def __call__(self, text: str) -> bool:
        """Whether a short utterance over somebody's speech is meant to end it."""
        ...


@dataclass(frozen=True, slots=True)
class TurnTakingModels:
    """The models of one language. All three are pure functions of their text and may run on any thread."""

    end_of_turn: EndOfTurn
    is_backchannel: IsBackchannel
    asks_for_floor: AsksForFloor
    name: str = ""
    languages: tuple[str, ...] | None = None
    """Language tags that the models know; None if they take any."""
