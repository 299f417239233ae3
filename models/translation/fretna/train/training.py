"""Trains FReTNA: `python -m duplex.models.translation.fretna.train --teacher FOLDER --chains FOLDER --out FOLDER`.

It starts from the weights of the autoregressive translator. Each step is one look at a batch of canvases: what is to be
deleted, kept, inserted and filled in. Now and then the canvases that came out of a step are the next batch, so that the
network learns to mend its own mistakes (the roll-in of the Levenshtein Transformer, section 4.1). Interrupt it whenever
you like: the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from duplex.models.corpora.muon import Muon
from duplex.models.corpora.optimizers import adamw
from duplex.models.corpora.training_run import TrainingRun
from duplex.models.weights_file import load_network, save_network

from ...config import TranslatorConfig
from ...network import TranslationNet, padding_mask
from ...train.loss import smoothed_cross_entropy
from ..canvas import PLACEHOLDER, Edits, applied, framed
from ..editing import room
from ..network import EditNet
from .examples import Batch, Chains, Recipe, example, stacked
from .validation import Validation

CLIP = 1.0


@dataclass(frozen=True)
class Plan:
    """How a training runs. rate: peak. average: EMA's decay. own: share of steps on canvases that the network made.

    check, save: minutes between validations and between checkpoints.
    """

    rate: float = 1e-3
    warm_up: int = 200
    average: float = 0.998
    own: float = 0.25
    check: float = 20.0
    save: float = 5.0
    recipe: Recipe = field(default_factory=Recipe)


@dataclass(frozen=True, slots=True)
class Looked:
    """The losses of a step, and what the network would do: keep (batch, length) bool, insert, and fill of places."""

    losses: dict[str, Tensor]
    keep: Tensor
    insert: Tensor
    vectors: Tensor


def look(net: EditNet, batch: Batch) -> Looked:
    """One look at a batch, with its losses: mean cross-entropies of subwords filled in, of deletions, of insertions."""
    source, canvas = torch.from_numpy(batch.source), torch.from_numpy(batch.canvas)
    mask, own = padding_mask(source), padding_mask(canvas)
    vectors, _ = net.look(canvas, own, net.encode(source, mask), mask)
    keep, insert = net.edits(vectors)
    fill = torch.from_numpy(batch.fill).reshape(-1)
    places = fill.nonzero()[:, 0]
    losses = {
        "keep": F.cross_entropy(keep.flatten(0, 1), torch.from_numpy(batch.keep).reshape(-1) - 1, ignore_index=-1),
        "insert": F.cross_entropy(
            insert.flatten(0, 1), torch.from_numpy(batch.insert).reshape(-1) - 1, ignore_index=-1
        ),
    }
    if len(places):
        chosen = vectors.flatten(0, 1).index_select(0, places)
        smoothed, plain = smoothed_cross_entropy(chosen, net.base.embedding.weight, fill[places])
        losses |= {"fill": smoothed, "plain": plain}
    return Looked(losses, keep.detach(), insert.detach(), vectors.detach())


@torch.no_grad()
def own_canvases(net: EditNet, batch: Batch, looked: Looked) -> Batch:
    """The canvases of a batch as the network itself has edited them, and how they are to be edited further."""
    kept = (looked.keep[..., 1] > looked.keep[..., 0]).numpy()
    insert = looked.insert.argmax(-1).numpy()
    rows, columns = (batch.canvas == PLACEHOLDER).nonzero()
    filled = net.base.logits(looked.vectors[rows, columns])
    filled[:, PLACEHOLDER] = -math.inf
    numbers = torch.zeros(batch.canvas.shape, dtype=torch.long)
    numbers[rows, columns] = filled.argmax(-1)
    made = []
    for row, one in enumerate(batch.examples):
        size = len(one.canvas)
        keep = [True, *map(bool, kept[row, 1 : size - 1]), True]
        edits = Edits(tuple(keep), tuple(map(int, insert[row, :size])), tuple(numbers[row, :size].tolist()))
        new = applied(one.canvas, edits)[: 2 * len(one.source) + 20]
        made.append(example(one.source, framed(new, room(len(one.source), len(new))), one.wanted))
    return stacked(made)


class Training(TrainingRun):
    """Also keeps best.safetensors."""

    COUNTERS = ("step", "pool", "place", "used", "tokens", "best")

    def __init__(self, out: Path, teacher: TranslationNet, chains: Chains, plan: Plan) -> None:
        super().__init__(out)
        self.chains, self.plan = chains, plan
        torch.manual_seed(plan.recipe.seed)
        self.net, self.average = EditNet(teacher.config), EditNet(teacher.config)
        self.net.base.load_state_dict(teacher.state_dict())
        self.average.load_state_dict(self.net.state_dict())
        named = dict(self.net.named_parameters())
        matrices = [p for name, p in named.items() if p.ndim == 2 and (".encoder." in name or ".decoder." in name)]
        chosen = {id(p) for p in matrices}
        self.steppers = [
            adamw([p for p in named.values() if id(p) not in chosen], plan.rate),
            Muon(matrices, plan.rate),
        ]
        self.pool, self.place = 0, 0
        self._batches: list[Batch] = []
        self._own: Batch | None = None
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

    def next_batch(self) -> Batch:
        """The network's own canvases of the last step, or the batch after the last one."""
        if self._own is not None:
            batch, self._own = self._own, None
            return batch
        if self.place >= len(self._batches):
            self.pool, self.place = self.pool + bool(self._batches), 0
            self._batches = self.chains.pool(self.pool)
        self.place += 1
        return self._batches[self.place - 1]

    def advance(self, factor: float = 1.0) -> dict[str, float]:
        """One step; returns its losses in nats. factor: of the rate, for a cool-down."""
        self.net.train()
        owned = self._own is not None
        batch = self.next_batch()
        looked = look(self.net, batch)
        loss = sum((value for name, value in looked.losses.items() if name != "plain"), torch.zeros(()))
        for stepper in self.steppers:
            stepper.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.net.parameters(), CLIP)
        rate = self.plan.rate * min(1.0, (self.step + 1) / self.plan.warm_up) * factor
        for stepper in self.steppers:
            for group in stepper.param_groups:
                group["lr"] = rate
            stepper.step()
        self.step += 1
        self.tokens += int((batch.canvas != 0).sum())
        if not owned and Random(self.step).random() < self.plan.own / (1 - self.plan.own):
            self._own = own_canvases(self.net, batch, looked)
        decay = min(self.plan.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.net.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        return {("own " if owned else "") + name: float(value.detach()) for name, value in looked.losses.items()}

    def run(self, validation: Validation, minutes: float = math.inf, cool_down: int = 0) -> None:
        """Until `minutes` of computing in all are used up, or at the end of a cool-down of so many steps."""
        first = self.step
        self.loop(
            lambda: self.advance(1 - (self.step - first) / cool_down if cool_down else 1.0),
            lambda: self.validate(validation),
            lambda: self.used < minutes * 60 and not (cool_down and self.step - first >= cool_down),
            every=50,
            check=self.plan.check,
            save=self.plan.save,
        )

    def validate(self, validation: Validation) -> None:
        """Scores the averaged weights and keeps them if they are the best so far."""
        figures = validation.score(self.average)
        value = figures["whole"]["chrf"] + figures["grown"]["chrf"]
        if value > self.best:
            self.best = value
            save_network(
                self.out / "best.safetensors", self.average.state_dict(), self.average.config.as_dict(), half=False
            )
        self.note(best=round(self.best, 2), figures=figures)


def load_edit_net(path: str | Path) -> EditNet:
    """The network, ready to run. Raises ModelError if the file is missing or not of this class."""
    return load_network(
        path, lambda config: EditNet(TranslatorConfig.from_dict(config)), "holds no weights of the network of FReTNA"
    )
