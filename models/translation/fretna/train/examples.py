"""Chains of growing translations made into canvases that are to be edited, and these into batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np

from ...train.examples import padded
from ..canvas import PLACEHOLDER, Edits, applied, framed, oracle
from ..editing import room
from ..network import INSERTIONS
from .distill import Chain, read_chains

TOKENS = 4096
"""Subwords of a batch, both sides and padding counted."""


@dataclass(frozen=True)
class Recipe:
    """Shares of the canvases that an example begins with; the rest begin with the translation of a shorter source.

    empty: nothing. dropped: the target with any share of its subwords left out. spoilt: of those that are not empty,
    some subwords are others. masked: already edited once as they should be, with placeholders for what is missing, and
    for some of what is there.
    """

    empty: float = 0.2
    dropped: float = 0.2
    spoilt: float = 0.3
    masked: float = 0.45
    seed: int = 1


@dataclass(frozen=True, slots=True)
class Example:
    """A source as the encoder reads it, a canvas with its marks, what is wanted of it, and the edits for that."""

    source: tuple[int, ...]
    canvas: list[int]
    wanted: tuple[int, ...]
    edits: Edits


@dataclass(frozen=True, slots=True)
class Batch:
    """Arrays (batch, length) int64 of subwords and labels, 0 where there is none.

    keep: 1 to delete, 2 to keep. insert: one more than what is to be inserted. fill: subwords.
    """

    examples: tuple[Example, ...]
    source: np.ndarray
    canvas: np.ndarray
    keep: np.ndarray
    insert: np.ndarray
    fill: np.ndarray


def example(source: Sequence[int], canvas: list[int], wanted: Sequence[int]) -> Example:
    """With the edits that it takes."""
    return Example(tuple(source), canvas, tuple(wanted), oracle(canvas, wanted, INSERTIONS))


def drawn(chain: Chain, recipe: Recipe, rng: Random, others: Sequence[int]) -> Example:
    """One example of a chain. others: subwords to spoil canvases with."""
    place = rng.randrange(len(chain.targets))
    source, wanted = chain.sources[place], chain.targets[place]
    chance = rng.random()
    if chance < recipe.empty:
        canvas = []
    elif chance < recipe.empty + recipe.dropped:
        share = rng.random()
        canvas = [number for number in wanted if rng.random() < share]
    else:
        canvas = list(chain.targets[max(0, place - rng.choice((1, 1, 1, 2)))]) if place else []
    if rng.random() < recipe.spoilt:
        share = rng.uniform(0.05, 0.4)
        canvas = [rng.choice(others) if rng.random() < share else number for number in canvas]
    space = max(1, room(len(source), len(canvas)) + rng.choice((0, 0, rng.randint(-4, 6))))
    framed_canvas = framed(canvas, space)
    if rng.random() < recipe.masked:
        framed_canvas = _masked(framed_canvas, wanted, rng, room(len(source), len(wanted)))
    return example(source, framed_canvas, wanted)


def _masked(canvas: list[int], wanted: Sequence[int], rng: Random, space: int) -> list[int]:
    """The canvas edited once: what was missing in its middle is a placeholder; what was to be filled may be there."""
    edits = oracle(canvas, wanted, INSERTIONS)
    if rng.random() < 0.5:
        edits = Edits(edits.keep, edits.insert, tuple(PLACEHOLDER if number else 0 for number in edits.fill))
    share = rng.random() if rng.random() < 0.5 else 0.0
    once = [PLACEHOLDER if rng.random() < share else number for number in applied(canvas, edits)]
    return framed(once, space)


def batches(examples: Sequence[Example], rng: Random) -> list[Batch]:
    """Sorted by length into batches of TOKENS, these shuffled."""
    order = sorted(examples, key=lambda one: (len(one.source) // 2, len(one.canvas)))
    made, batch, wide = [], [], [0, 0]
    for one in order:
        grown = [max(wide[0], len(one.source)), max(wide[1], len(one.canvas))]
        if batch and (len(batch) + 1) * sum(grown) > TOKENS:
            made.append(stacked(batch))
            batch, grown = [], [len(one.source), len(one.canvas)]
        batch.append(one)
        wide = grown
    made.append(stacked(batch))
    rng.shuffle(made)
    return made


def stacked(examples: Sequence[Example]) -> Batch:
    """A batch of these examples."""
    keep, insert, fill = [], [], []
    for one in examples:
        edits, last = one.edits, len(one.canvas) - 1
        keep.append([0, *(1 + int(kept) for kept in edits.keep[1:-1]), 0])
        insert.append([1 + n if edits.keep[p] and p < last else 0 for p, n in enumerate(edits.insert)])
        fill.append(list(edits.fill))
    source, canvas = padded([list(one.source) for one in examples]), padded([one.canvas for one in examples])
    return Batch(tuple(examples), source, canvas, padded(keep), padded(insert), padded(fill))


class Chains:
    """The files of chains in a folder, again and again; what is written meanwhile is read when its turn comes."""

    def __init__(self, folder: Path, recipe: Recipe) -> None:
        self._folder = folder
        self._recipe = recipe

    def pool(self, number: int) -> list[Batch]:
        """Batches of the chains of one file, an example of each step of each chain on average."""
        files = sorted(self._folder.glob("*.jsonl.gz"))
        rng = Random(self._recipe.seed * 1_000_003 + number)
        chains = read_chains(files[number % len(files)])
        others = [number for chain in chains[:500] for number in chain.targets[-1]]
        examples = [drawn(chain, self._recipe, rng, others) for chain in chains for _ in range(3)]
        return batches(examples, rng)
