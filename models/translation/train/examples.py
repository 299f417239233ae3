"""Sentence pairs made into training examples and batches, the same for the same seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

import numpy as np

from ..vocabulary import END, PARTIAL, TAGS, Vocabulary
from .corpus import Pair
from .names import Swapper
from .noise import Noise

POOL = 16000
"""Examples that are made and sorted by length at a time."""


@dataclass(frozen=True)
class Recipe:
    """Shares of what is done to the examples.

    noised: sources as from a recognizer. joined: two to four sentences in one example. prefixes: the first words of a
    source and as large a share of the target. copies: a sentence of the target language, to be left as it is.
    names: chance of each name, and half that of numbers, to be swapped. longest: subwords of a side.
    tokens: of a batch, both sides and padding counted.
    """

    noised: float = 0.35
    joined: float = 0.12
    prefixes: float = 0.05
    copies: float = 0.02
    names: float = 0.35
    longest: int = 110
    tokens: int = 4096
    seed: int = 1


class Examples:
    """An endless sequence of pools of examples; an epoch has every pair once in each direction."""

    def __init__(self, pairs: list[Pair], vocabulary: Vocabulary, noise: Noise, recipe: Recipe) -> None:
        self._pairs = pairs
        self._vocabulary = vocabulary
        self._noise = noise
        self._recipe = recipe
        self._swapper = Swapper(pairs)

    @property
    def pools_per_epoch(self) -> float:
        return 2 * len(self._pairs) / POOL

    def _draws(self, pool: int) -> Iterator[tuple[int, str]]:
        """Number of a pair and target language of each example of a pool."""
        size = 2 * len(self._pairs)
        order, kept = None, -1
        for place in range(pool * POOL, (pool + 1) * POOL):
            epoch = place // size
            if epoch != kept:
                order, kept = np.random.default_rng([self._recipe.seed, epoch]).permutation(size), epoch
            number = int(order[place % size])
            yield number // 2, "de" if number % 2 else "en"

    def example(self, pair: Pair, target: str, rng: Random) -> tuple[str, str, bool]:
        """Source text, target text, and whether it is only the beginning of a sentence."""
        recipe, partial = self._recipe, False
        parts = [pair]
        if rng.random() < recipe.joined:
            parts += [rng.choice(self._pairs) for _ in range(rng.choice((1, 1, 2, 3)))]
        sources, targets = [], []
        noised = rng.random() < recipe.noised
        language = "en" if target == "de" else "de"
        for part in parts:
            swapped = self._swapper.swap(part, rng, recipe.names)
            source, wanted = swapped.sides(target)
            if noised:
                source = self._noise.apply(source, language, rng, swapped.recognized if language == "en" else "")
            sources.append(source)
            targets.append(wanted)
        source, wanted = " ".join(sources), " ".join(targets)
        chance = rng.random()
        if chance < recipe.prefixes:
            said, answer = source.split(), wanted.split()
            size = rng.randint(1, len(said))
            partial = size < len(said)
            source, wanted = " ".join(said[:size]), " ".join(answer[: round(size / len(said) * len(answer))])
        elif chance < recipe.prefixes + recipe.copies:
            source = wanted
        return source, wanted, partial

    def pool(self, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Batches (source (batch, length), target (batch, length) with the end first and last) in shuffled order."""
        rng = Random(self._recipe.seed * 1_000_003 + number)
        made = [(self.example(self._pairs[index], target, rng), TAGS[target]) for index, target in self._draws(number)]
        sources = self._vocabulary.encode_all([example[0] for example, _ in made])
        targets = self._vocabulary.encode_all([example[1] for example, _ in made])
        rows = []
        for (example, tag), source, target in zip(made, sources, targets, strict=True):
            start = [tag, PARTIAL] if example[2] else [tag]
            if 0 < len(source) <= self._recipe.longest and len(target) <= self._recipe.longest:
                rows.append(([*start, *source, END], [END, *target, END]))
        rng.shuffle(rows)
        rows.sort(key=lambda row: (len(row[0]) + 1) // 2 * 1000 + len(row[1]))
        batches, batch, wide = [], [], [0, 0]
        for row in rows:
            grown = [max(wide[0], len(row[0])), max(wide[1], len(row[1]))]
            if batch and (len(batch) + 1) * sum(grown) > self._recipe.tokens:
                batches.append(batch)
                batch, grown = [], [len(row[0]), len(row[1])]
            batch.append(row)
            wide = grown
        batches.append(batch)
        rng.shuffle(batches)
        return [(padded([row[0] for row in batch]), padded([row[1] for row in batch])) for batch in batches]


def padded(rows: list[list[int]]) -> np.ndarray:
    """Rows (batch, longest) int64, 0 where one is shorter."""
    out = np.zeros((len(rows), max(map(len, rows))), np.int64)
    for row, numbers in zip(out, rows, strict=True):
        row[: len(numbers)] = numbers
    return out
