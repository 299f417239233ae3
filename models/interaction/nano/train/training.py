"""Trains Duplex-nano: `python -m duplex.models.interaction.nano.train --out runs/nano --data FOLDER`.

Interrupt it whenever you like: the same command goes on from the last checkpoint with the same examples. Averaged
weights (EMA) are validated; the best by the F1 of decisions are kept in best.safetensors. The rate is constant after
warm-up and falls with the inverse root from step `Plan.hold` on, so that a training may be continued at any time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.nn import functional

from duplex.models.corpora.averaged_run import AveragedRun, Schedule
from duplex.models.corpora.optimizers import muon_and_adamw
from duplex.models.interaction.nano.config import NanoConfig
from duplex.models.interaction.nano.train.examples import Batch, Examples
from duplex.models.interaction.nano.train.texts import Texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.validation import Validation
from duplex.models.interaction.nano.vocabulary import build_vocabulary
from duplex.models.turn_taking.word_lists import plain_words


@dataclass(frozen=True)
class Plan(Schedule):
    """See Schedule."""

    rate: float = 3e-3
    warm_up: int = 60
    hold: int = 1500
    average: float = 0.99
    check: float = 15.0
    save: float = 4.0


def new_model(config: NanoConfig) -> Any:
    """A `LlamaForCausalLM` with random weights."""
    from transformers import LlamaConfig, LlamaForCausalLM

    return LlamaForCausalLM(LlamaConfig(**config.llama(), initializer_range=0.03))


def batch_loss(model: Any, batch: Batch) -> tuple[torch.Tensor, int]:
    """Weighted cross-entropy in nats, and the number of tokens read."""
    ids, targets, weights = (torch.from_numpy(array) for array in batch)
    hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state.flatten(0, 1)
    counted = weights.flatten().nonzero()[:, 0]
    logits = hidden.index_select(0, counted) @ model.model.embed_tokens.weight.T
    each = functional.cross_entropy(logits, targets.flatten()[counted], reduction="none")
    weight = weights.flatten()[counted]
    return (each * weight).sum() / weight.sum(), int((ids != 0).sum())


class Training(AveragedRun):
    """Also keeps best.safetensors and config.json."""

    NET = "model"

    def __init__(self, out: Path, examples: Examples, config: NanoConfig, plan: Plan) -> None:
        self.examples = examples
        torch.manual_seed(examples.recipe.seed)
        net, average = new_model(config), new_model(config)
        super().__init__(out, net, average, muon_and_adamw(net, plan.rate, lambda name: "embed" not in name), plan)
        (out / "config.json").write_text(json.dumps(config.as_dict()), encoding="utf8")
        self.resume()

    def pool_of(self, number: int) -> list[Batch]:
        return self.examples.pool(number)

    def advance(self) -> float:
        """One step; returns the loss."""
        loss, count = batch_loss(self.net, self.next_batch())
        self.update(loss, count)
        return float(loss.detach())

    def run(self, validation: Callable[[], Validation], minutes: float = math.inf) -> None:
        """Until `minutes` of computing in all are used up. validation: asked for when it is first needed."""
        self.train(lambda _: {"loss": self.advance()}, lambda: self.validate(validation()), minutes, every=25)

    def validate(self, validation: Validation) -> None:
        """Scores the averaged weights and keeps them if they are the best so far."""
        from safetensors.torch import save_file

        scores = validation.score(self.average)
        if scores["f1"] > self.best:
            self.best = scores["f1"]
            tensors = {name: p.detach().contiguous() for name, p in self.average.named_parameters()}
            unfinished = self.out / "best.tmp"
            save_file(tensors, str(unfinished))
            unfinished.replace(self.out / "best.safetensors")
        self.note(**scores, best=self.best)

    def line(self) -> dict[str, Any]:
        return {**super().line(), "pool": self.pool}


def vocabulary_texts(texts: Texts, understanding: Understanding, seed: int, requests: int = 3000) -> Iterator[str]:
    """What is heard, without marks, and what is answered, with them."""
    rng = Random(seed)
    some = [text for kind in (texts.requests, texts.orders) for text in rng.sample(kind, min(requests, len(kind)))]
    exchanges = [exchange for dialogue in texts.dialogues[::3] for exchange in dialogue]
    for said in chain(some, texts.remarks[::4], (each.user for each in exchanges), (each.reply for each in exchanges)):
        yield " ".join(plain_words(said))
    yield from (each.reply for each in exchanges if each.teach)
    for request in some:
        if answer := understanding.answer(request):
            yield " ".join(f"{name} {given}" for name, given in answer.calls) or answer.text


def make_vocabulary(path: Path, texts: Texts, understanding: Understanding, config: NanoConfig, seed: int) -> None:
    """Writes the vocabulary of a training, unless there is one."""
    if not path.exists():
        build_vocabulary(vocabulary_texts(texts, understanding, seed), path, config.vocabulary)
