"""Simulated streams as training examples: tokens, what is to be predicted at each, and how much that counts."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import chain, pairwise

import numpy as np

from duplex.models.interaction.nano.stream_format import Heard, block_tokens
from duplex.models.interaction.nano.train.streams import Simulation, teacher, wavering
from duplex.models.interaction.nano.train.world import Answer, Block
from duplex.models.interaction.nano.vocabulary import BEGIN, END, FIRST_PIECE, NUMBER, PAD, Vocabulary

NEAR = 12, 48
"""Blocks of 0.4 s, the fewest and the most, before an answer that its example begins."""


@dataclass(frozen=True)
class Recipe:
    """Weights of the loss: of silence, of the other decisions, of the next word heard, of answers and of tool calls
    (silence and transitions as in SALMONN-omni). answers: of a stream, at most, each an example of its own that begins
    shortly before. whole: share of the streams with answers that are an example as well; late_start: share of these
    that begin in the midst of a session, as after an eviction. longest: tokens. batch: tokens, with padding. pool:
    streams that are sorted by length together.
    """

    silence: float = 0.1
    transition: float = 1.0
    heard: float = 0.05
    text: float = 0.4
    call: float = 0.6
    answers: int = 4
    whole: float = 0.5
    late_start: float = 0.3
    longest: int = 384
    batch: int = 4096
    pool: int = 256
    seed: int = 1


@dataclass
class Example:
    """ids, targets: (n,) ints; weights: (n,) floats, 0 where nothing is predicted. blocks: where the last token of each
    block stands, which decides.
    """

    ids: list[int] = field(default_factory=lambda: [BEGIN])
    targets: list[int] = field(default_factory=lambda: [PAD])
    weights: list[float] = field(default_factory=lambda: [0.0])
    blocks: list[int] = field(default_factory=list)

    def add(self, ids: Sequence[int], targets: Sequence[int], weights: Sequence[float]) -> None:
        self.ids += ids
        self.targets += targets
        self.weights += weights

    def cut(self, length: int) -> None:
        self.ids, self.targets, self.weights = self.ids[:length], self.targets[:length], self.weights[:length]
        self.blocks = [place for place in self.blocks if place < length]


def example(
    blocks: Sequence[Block], vocabulary: Vocabulary, recipe: Recipe, first: int = 0, answer: Answer | None = None
) -> Example:
    """The example of a stream from block `first` on; what was before is forgotten. answer: to its last block."""
    made, heard = Example(), Heard()
    for place, block in enumerate(blocks):
        tokens = block_tokens(block.percepts, block.situation, heard, vocabulary)
        if place < first:
            continue
        decision = NUMBER[f"<{block.best}>"]
        made.add(
            tokens,
            [*tokens[1:], decision],
            [
                *(
                    recipe.heard if now >= FIRST_PIECE and then >= FIRST_PIECE else 0.0
                    for now, then in pairwise(tokens)
                ),
                recipe.silence if block.best == "silent" else recipe.transition,
            ],
        )
        made.blocks.append(len(made.ids) - 1)
        if block.action != "silent" and not (answer is not None and place == len(blocks) - 1):
            made.add([NUMBER[f"<{block.action}>"]], [PAD], [0.0])
    if answer is not None:
        text = answer_tokens(answer, vocabulary)
        weight = recipe.call if answer.calls else recipe.text
        made.add([NUMBER["<respond>"], *text], [*text, PAD], [recipe.transition, *[weight] * (len(text) - 1), 0.0])
    return made


def answer_tokens(answer: Answer, vocabulary: Vocabulary) -> list[int]:
    """`<say> text END`, or for each tool `<call> name {arguments}`, and END."""
    if answer.calls:
        called = [[NUMBER["<call>"], *vocabulary.encode(f"{name} {given}")] for name, given in answer.calls]
        return [*chain.from_iterable(called), END]
    return [NUMBER["<say>"], *vocabulary.encode(answer.text), END]


Batch = tuple[np.ndarray, np.ndarray, np.ndarray]
"""ids, targets (batch, length) int64, weights (batch, length) float32."""


class Examples:
    """Batches without end, the same for the same seed. Pool number n holds the streams from n * recipe.pool on."""

    def __init__(self, simulation: Simulation, vocabulary: Vocabulary, recipe: Recipe) -> None:
        self.simulation, self.vocabulary, self.recipe = simulation, vocabulary, recipe

    def of_stream(self, number: int) -> list[Example]:
        """The examples that stream `number` gives: its decisions, its answers, or both."""
        recipe, rng = self.recipe, random.Random(f"example {self.recipe.seed} {number}")
        blocks = self.simulation.stream(f"{recipe.seed} {number}", wavering).blocks
        taught = [
            place
            for place, block in enumerate(blocks)
            if block.action == block.best == "respond" and block.answer and block.answer.teach
        ]
        chosen = rng.sample(taught, min(recipe.answers, len(taught)))
        made = [self._answered(blocks[: place + 1], max(0, place - rng.randint(*NEAR))) for place in chosen]
        if not chosen or rng.random() < recipe.whole:
            late = rng.random() < recipe.late_start and len(blocks) > 20
            made.append(example(blocks, self.vocabulary, recipe, rng.randrange(len(blocks) // 2) if late else 0))
        for one in made:
            one.cut(recipe.longest)
        return made

    def _answered(self, blocks: Sequence[Block], first: int) -> Example:
        """The example that ends with the answer to the last block, as much of it as there is room for."""
        while True:
            made = example(blocks, self.vocabulary, self.recipe, first, blocks[-1].answer)
            if len(made.ids) <= self.recipe.longest or first >= len(blocks) - 1:
                return made
            first = min(first + 12, len(blocks) - 1)

    def pool(self, number: int) -> list[Batch]:
        """The batches of a pool, in random order."""
        size = self.recipe.pool
        streams = (self.of_stream(place) for place in range(number * size, (number + 1) * size))
        made = sorted(chain.from_iterable(streams), key=_length)
        batches: list[list[Example]] = [[]]
        for one in made:
            if batches[-1] and len(one.ids) * (len(batches[-1]) + 1) > self.recipe.batch:
                batches.append([])
            batches[-1].append(one)
        random.Random(f"order {self.recipe.seed} {number}").shuffle(batches)
        return [padded(batch) for batch in batches]


def _length(made: Example) -> int:
    return len(made.ids)


def padded(examples: Sequence[Example]) -> Batch:
    """Examples of several lengths as arrays."""
    length = max(map(_length, examples))
    ids, targets = (np.full((len(examples), length), PAD, np.int64) for _ in range(2))
    weights = np.zeros((len(examples), length), np.float32)
    for row, one in enumerate(examples):
        ids[row, : len(one.ids)] = one.ids
        targets[row, : len(one.ids)] = one.targets
        weights[row, : len(one.ids)] = one.weights
    return ids, targets, weights


def held_out(simulation: Simulation, vocabulary: Vocabulary, recipe: Recipe, count: int) -> list[Example]:
    """Examples for validation: whole streams, decided by the teacher; every second one ends with an answer."""
    made = []
    for number in range(count):
        blocks = simulation.stream(f"valid {number}", teacher).blocks
        taught = [p for p, b in enumerate(blocks) if b.best == "respond" and b.answer and b.answer.teach]
        answer = blocks[taught[-1]].answer if taught and number % 2 else None
        one = example(blocks[: taught[-1] + 1] if answer else blocks, vocabulary, recipe, 0, answer)
        one.cut(2 * recipe.longest)
        made.append(one)
    return made
