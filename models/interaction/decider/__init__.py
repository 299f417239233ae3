"""Deciders: every block, whether the assistant speaks, stays silent, or gives way."""

from __future__ import annotations

from typing import Any

from duplex.models.interaction.decider.contract import Decider
from duplex.models.interaction.decider.fusion import FusedDecider
from duplex.models.interaction.decider.remarks import remark
from duplex.models.interaction.decider.turn_rules import RuleGate, Times
from duplex.models.turn_taking.contract import TurnTakingModels

__all__ = ["RULES", "load_decider", "remark"]

RULES = "rules"
"""The decider that needs no model."""


def load_decider(name: str, models: TurnTakingModels, times: Times) -> Decider[Any]:
    """The decider of a session.

    models, times: what its rules go by. Raises ModelError.
    """
    return FusedDecider([RuleGate(models, times)])
