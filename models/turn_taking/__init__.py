"""Text models of turn taking: whether a turn is over, is a backchannel, or asks for the floor."""

from __future__ import annotations

from duplex.models.turn_taking.contract import TurnTakingModels


def load_turn_taking(language: str = "en") -> TurnTakingModels:
    """The models of a language; there are only English ones, which serve every other language too."""
    from duplex.models.turn_taking.backchannel import is_backchannel
    from duplex.models.turn_taking.end_of_turn import looks_complete
    from duplex.models.turn_taking.interruption import asks_for_floor

    return TurnTakingModels(looks_complete, is_backchannel, asks_for_floor)
