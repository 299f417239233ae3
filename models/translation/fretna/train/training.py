"""Trains FReTNA: `python -m duplex.models.translation.fretna.train --teacher FOLDER --chains FOLDER --out FOLDER`.

It starts from the weights of the autoregressive translator. Each step is one look at a batch of canvases: what is to be
deleted, kept, inserted and filled in. Now and then the canvases that came out of a step are the next batch, so that the
network learns to mend its own mistakes (the roll-in of the Levenshtein Transformer, section 4.1). Interrupt it whenever
you like: the same command goes on from the last checkpoint.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import torch
from torch import Tensor
from torch.nn import functional as F

from duplex.models.corpora.averaged_run import AveragedRun, Schedule
from duplex.models.corpora.optimizers import muon_and_adamw
from duplex.models.weights_file import load_network, save_network

from ...config import TranslatorConfig
from ...network import TranslationNet, padding_mask
from ...train.loss import smoothed_cross_entropy
from ..canvas import PLACEHOLDER, Edits, applied, framed
from ..editing import room
from ..network import EditNet
from .examples import Batch, Chains, Recipe, example, stacked
from .validation import Validation


@dataclass(frozen=True)
class Plan(Schedule):
    """own: share of steps on canvases that the network made."""

    own: float = 0.25
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


class Training(AveragedRun):
    """Also keeps best.safetensors."""

    def __init__(self, out: Path, teacher: TranslationNet, chains: Chains, plan: Plan) -> None:
        self.chains, self.own = chains, plan.own
        torch.manual_seed(plan.recipe.seed)
        net, average = EditNet(teacher.config), EditNet(teacher.config)
        net.base.load_state_dict(teacher.state_dict())
        steppers = muon_and_adamw(net, plan.rate, lambda name: ".encoder." in name or ".decoder." in name)
        super().__init__(out, net, average, steppers, plan)
        self._own: Batch | None = None
        self.resume()

    def pool_of(self, number: int) -> list[Batch]:
        return self.chains.pool(number)

    def advance(self, factor: float = 1.0) -> dict[str, float]:
        """One step, on the network's own canvases of the last one or on the next batch; returns its losses in nats.
        factor: of the rate, for a cool-down."""
        self.net.train()
        own, self._own = self._own, None
        batch = self.next_batch() if own is None else own
        looked = look(self.net, batch)
        loss = sum((value for name, value in looked.losses.items() if name != "plain"), torch.zeros(()))
        self.update(loss, int((batch.canvas != 0).sum()), factor)
        if own is None and Random(self.step).random() < self.own / (1 - self.own):
            self._own = own_canvases(self.net, batch, looked)
        return {("own " if own else "") + name: float(value.detach()) for name, value in looked.losses.items()}

    def run(self, validation: Validation, minutes: float = math.inf, cool_down: int = 0) -> None:
        """See AveragedRun.train."""
        self.train(self.advance, lambda: self.validate(validation), minutes, cool_down)

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
