"""Deciders: every block, whether the assistant speaks, stays silent, or gives way."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from duplex.models.interaction.decider.contract import Decider, Gate
from duplex.models.interaction.decider.fusion import FusedDecider
from duplex.models.interaction.decider.remarks import Noticed
from duplex.models.interaction.decider.turn_rules import RuleGate, Times
from duplex.models.interaction.nano import NANO, load_nano
from duplex.models.turn_taking.contract import TurnTakingModels

__all__ = ["NANO", "RULES", "Noticed", "load_decider"]

RULES = "rules"
"""The decider that needs no model."""


def load_decider(
    name: str,
    models: TurnTakingModels,
    times: Times,
    *,
    heads: str = "",
    gates: str = "",
    before: Sequence[Gate[Any]] = (),
) -> Decider[Any]:
    """The decider of a session; loading a model takes seconds.

    name: RULES, NANO for the bundled language model, or a causal language model: a folder, a name of the store, or a
    Hugging Face id. Its gates come before the rules, which need no model. heads: file of heads for its hidden states.
    gates: which gates it has (GATES in language_model.py), with commas, the first the most important; empty: head if
    `heads` is given, else token.
    models, times: what the rules go by. before: gates that come first.
    Raises ModelError, SettingsError.
    """
    rules = RuleGate(models, times)
    if name == RULES:
        return FusedDecider([*before, rules])
    if name == NANO:
        return FusedDecider([*before, load_nano(), rules])
    from duplex.models.interaction.decider.language_model import load_gates

    return FusedDecider([*before, *load_gates(name, heads, gates), rules])
