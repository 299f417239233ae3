"""Turn taking by the words of the turn, in English."""

from __future__ import annotations

from duplex.models.turn_taking.backchannel import is_backchannel
from duplex.models.turn_taking.contract import TurnTakingModels
from duplex.models.turn_taking.end_of_turn import end_of_turn_score
from duplex.models.turn_taking.interruption import asks_for_floor


def by_words() -> TurnTakingModels:
    return TurnTakingModels(end_of_turn_score, is_backchannel, asks_for_floor, "words", ("en",))
