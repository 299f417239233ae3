"""Decisions of simulated streams as packs: the trunk is what is certain, a branch the tail of a block."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from duplex.models.interaction.adapter.train.packing import Pack
from duplex.models.interaction.decider.contract import Action
from duplex.models.interaction.decider.model_stream import block_ids
from duplex.models.interaction.decider.percept_text import TextState
from duplex.models.interaction.nano.train.world import Block

Encode = Callable[[str], Sequence[int]]


@dataclass(frozen=True)
class DecisionRecipe:
    """silence, transition: weights of the loss. The other fields are shares of the silent blocks that are learned from,
    whose weight grows as their share shrinks. over: while something is said over a reply. pausing: while the user's
    turn may be over. other: all else. late_start: share of streams that begin in their midst.
    """

    silence: float = 0.1
    transition: float = 1.0
    over: float = 0.25
    pausing: float = 0.3
    other: float = 0.06
    late_start: float = 0.2


def decision_pack(
    blocks: Sequence[Block],
    encode: Encode,
    tokens: Mapping[Action, int],
    recipe: DecisionRecipe | None = None,
    rng: random.Random | None = None,
    first: int = 0,
) -> Pack:
    """The pack of a stream from block `first` on. recipe, rng: which blocks count, and how much; else all do."""
    pack, text, last = Pack([]), TextState(), -9
    wanted: list[tuple[int, list[int], Action, float]] = []
    for place, block in enumerate(blocks):
        certain, tail, text = block_ids(encode, block.percepts, block.situation, text)
        if block.percepts:
            last = place
        if place < first:
            continue
        pack.trunk += certain
        weight = 1.0
        if recipe and rng:
            weight = _weight(block, bool(text.active), place - last, recipe, rng)
        if weight:
            wanted.append((len(pack.trunk), tail, block.best, weight))
    for seen, tail, best, weight in wanted:
        pack.add(seen, tail, [tokens[best]], weight)
    return pack


def _weight(block: Block, active: bool, since: int, recipe: DecisionRecipe, rng: random.Random) -> float:
    """0: the block is left out."""
    if block.best != "silent":
        return recipe.transition
    replying = block.situation.speaking or block.situation.held or block.situation.answering
    share = recipe.other
    if active and replying:
        share = recipe.over
    elif not active and not replying and since <= 3:
        share = recipe.pausing
    return recipe.silence / share if rng.random() < share else 0.0
