"""Trains the translator: `python -m duplex.models.translation.train --out runs/translation --data FOLDER`.

Interrupt it whenever you like: the same command goes on from the last checkpoint with the same examples and the same
random numbers, so that the losses are those of an uninterrupted run. Averaged weights (EMA) are validated; the best by
chrF are kept in best.safetensors. The rate is constant after warm-up and falls with the inverse root from step
`Plan.hold` on, so that a training may be continued at any time; `--cool-down` ends one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
from torch import Tensor

from duplex.models.corpora.averaged_run import AveragedRun, Schedule, rate_at
from duplex.models.corpora.optimizers import muon_and_adamw

from ..config import TranslatorConfig
from ..network import TranslationNet, padding_mask
from ..vocabulary import Vocabulary, build_vocabulary
from .corpus import Pair, key, read_pairs, recognition_errors, split, text_folder
from .examples import Examples, Recipe
from .loss import smoothed_cross_entropy
from .noise import Mishearing, Noise
from .validation import Validation, mean_chrf
from .weights_file import save_weights


@dataclass(frozen=True)
class Plan(Schedule):
    """sentences: of each direction in a validation."""

    rate: float = 2e-3
    warm_up: int = 400
    hold: float = 3000
    sentences: int = 300
    recipe: Recipe = field(default_factory=Recipe)


def batch_loss(net: TranslationNet, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, int]:
    """Loss with smoothed labels, cross-entropy without, and the number of subwords it is the mean of."""
    wanted = target[:, 1:].reshape(-1)
    kept = wanted.nonzero()[:, 0]
    vectors = net(source, padding_mask(source), target[:, :-1]).flatten(0, 1).index_select(0, kept)
    return *smoothed_cross_entropy(vectors, net.embedding.weight, wanted[kept]), len(kept)


class Training(AveragedRun):
    """Also keeps best.safetensors; vocabulary.model is beside it."""

    def __init__(self, out: Path, examples: Examples, vocabulary: Vocabulary, config: TranslatorConfig, plan: Plan):
        self.examples, self.vocabulary = examples, vocabulary
        torch.manual_seed(plan.recipe.seed)
        net, average = TranslationNet(config), TranslationNet(config)
        steppers = muon_and_adamw(net, plan.rate, lambda name: not name.startswith("embedding"))
        super().__init__(out, net, average, steppers, plan)
        self.resume()

    def pool_of(self, number: int) -> list[tuple[np.ndarray, np.ndarray]]:
        return self.examples.pool(number)

    def advance(self, factor: float = 1.0) -> float:
        """One step; returns the cross-entropy in nats a subword. factor: of the rate, for a cool-down."""
        self.net.train()
        source, target = map(torch.from_numpy, self.next_batch())
        loss, plain, count = batch_loss(self.net, source, target)
        self.update(loss, count, factor)
        return float(plain)

    def run(self, validation: Validation, minutes: float = math.inf, cool_down: int = 0) -> None:
        """See AveragedRun.train."""
        self.train(lambda factor: {"loss": self.advance(factor)}, lambda: self.validate(validation), minutes, cool_down)

    def tell(self, losses: Mapping[str, float]) -> None:
        self.note(**losses, rate=round(rate_at(self.step, self.plan), 6))

    def validate(self, validation: Validation) -> None:
        """Scores the averaged weights and keeps them if they are the best so far."""
        figures = validation.score(self.average)
        value = mean_chrf(figures)
        if value > self.best:
            self.best = value
            save_weights(self.out / "best.safetensors", self.average)
        self.note(chrf=round(value, 2), best=round(self.best, 2), figures=figures)

    def line(self) -> dict[str, Any]:
        return {**super().line(), "epoch": round(self.pool / self.examples.pools_per_epoch, 2)}


def prepare(
    data: str | Path | None, out: Path, size: int, seed: int
) -> tuple[dict[str, list[Pair]], Vocabulary, Noise]:
    """Splits, vocabulary (made of the training split where `out` has none yet) and noise."""
    folder = text_folder(data)
    parts = split(read_pairs(folder))
    path = out / "vocabulary.model"
    if not path.exists():
        build_vocabulary(_vocabulary_texts(parts["train"], Random(seed)), path, size)
    held_out = {key(pair.en) for name in ("valid", "test") for pair in parts[name]}
    noise = Noise(Mishearing(recognition_errors(folder, held_out)))
    return parts, Vocabulary(path), noise


def _vocabulary_texts(pairs: list[Pair], rng: Random) -> Iterator[str]:
    """Both sides of every pair, a quarter of them in lower case as well."""
    for pair in pairs:
        for side in (pair.en, pair.de):
            yield side
            if rng.random() < 0.25:
                yield side.lower()
