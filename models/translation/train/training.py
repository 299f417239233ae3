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

import torch
from torch import Tensor

from duplex.models.corpora.muon import Muon
from duplex.models.corpora.optimizers import adamw
from duplex.models.corpora.training_run import TrainingRun

from ..config import TranslatorConfig
from ..network import TranslationNet, padding_mask
from ..vocabulary import Vocabulary, build_vocabulary
from .corpus import Pair, key, read_pairs, recognition_errors, split, text_folder
from .examples import Examples, Recipe
from .loss import smoothed_cross_entropy
from .noise import Mishearing, Noise
from .validation import Validation, mean_chrf
from .weights_file import save_weights

CLIP = 1.0


@dataclass(frozen=True)
class Plan:
    """How a training runs. rate: peak. hold: step at which it begins to fall. average: EMA's decay.

    check, save: minutes between validations and between checkpoints.
    """

    rate: float = 2e-3
    warm_up: int = 400
    hold: int = 3000
    average: float = 0.998
    check: float = 20.0
    save: float = 5.0
    sentences: int = 300
    recipe: Recipe = field(default_factory=Recipe)


def rate_at(step: int, plan: Plan) -> float:
    """Linear warm-up, a plateau, then the inverse root."""
    return plan.rate * min(1.0, (step + 1) / plan.warm_up) * min(1.0, math.sqrt(plan.hold / max(step, 1)))


def optimizers(net: TranslationNet, rate: float) -> list[torch.optim.Optimizer]:
    """Muon (orthogonalised momentum) for the matrices of the layers, AdamW for subwords, norms and biases."""
    matrices = [p for name, p in net.named_parameters() if p.ndim == 2 and not name.startswith("embedding")]
    chosen = {id(p) for p in matrices}
    others = [p for p in net.parameters() if id(p) not in chosen]
    return [adamw(others, rate), Muon(matrices, rate)]


def batch_loss(net: TranslationNet, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor, int]:
    """Loss with smoothed labels, cross-entropy without, and the number of subwords it is the mean of."""
    wanted = target[:, 1:].reshape(-1)
    kept = wanted.nonzero()[:, 0]
    vectors = net(source, padding_mask(source), target[:, :-1]).flatten(0, 1).index_select(0, kept)
    return *smoothed_cross_entropy(vectors, net.embedding.weight, wanted[kept]), len(kept)


class Training(TrainingRun):
    """Also keeps best.safetensors; vocabulary.model is beside it."""

    COUNTERS = ("step", "pool", "place", "used", "tokens", "best")

    def __init__(self, out: Path, examples: Examples, vocabulary: Vocabulary, config: TranslatorConfig, plan: Plan):
        super().__init__(out)
        self.examples, self.vocabulary, self.plan = examples, vocabulary, plan
        torch.manual_seed(plan.recipe.seed)
        self.net = TranslationNet(config)
        self.average = TranslationNet(config)
        self.average.load_state_dict(self.net.state_dict())
        self.steppers = optimizers(self.net, plan.rate)
        self.pool, self.place = 0, 0
        self._batches: list | None = None
        self.resume()

    def state(self) -> dict[str, Any]:
        return {
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [stepper.state_dict() for stepper in self.steppers],
            "random": torch.get_rng_state(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        for stepper, kept in zip(self.steppers, state["optimizers"], strict=True):
            stepper.load_state_dict(kept)
        torch.set_rng_state(state["random"])

    def next_batch(self) -> tuple[Tensor, Tensor]:
        """The batch after the last one, from the next pool if this one is used up."""
        if self._batches is None or self.place >= len(self._batches):
            if self._batches is not None:
                self.pool, self.place = self.pool + 1, 0
            self._batches = self.examples.pool(self.pool)
            if self.place >= len(self._batches):
                self.pool, self.place = self.pool + 1, 0
                self._batches = self.examples.pool(self.pool)
        source, target = self._batches[self.place]
        self.place += 1
        return torch.from_numpy(source), torch.from_numpy(target)

    def advance(self, factor: float = 1.0) -> float:
        """One step; returns the cross-entropy in nats a subword. factor: of the rate, for a cool-down."""
        self.net.train()
        source, target = self.next_batch()
        loss, plain, count = batch_loss(self.net, source, target)
        for stepper in self.steppers:
            stepper.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        for stepper in self.steppers:
            for group in stepper.param_groups:
                group["lr"] = rate_at(self.step, self.plan) * factor
            stepper.step()
        self.step += 1
        self.tokens += count
        decay = min(self.plan.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        return float(plain)

    def run(self, validation: Validation, minutes: float = math.inf, cool_down: int = 0) -> None:
        """Until `minutes` of computing in all are used up, or at the end of a cool-down of so many steps."""
        plan, first = self.plan, self.step

        def advance() -> dict[str, float]:
            return {"loss": self.advance(1 - (self.step - first) / cool_down if cool_down else 1.0)}

        self.loop(
            advance,
            lambda: self.validate(validation),
            lambda: self.used < minutes * 60 and not (cool_down and self.step - first >= cool_down),
            every=50,
            check=plan.check,
            save=plan.save,
        )

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
