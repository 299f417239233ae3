"""Trains Duplex-nano: `python -m duplex.models.interaction.nano.train --out runs/nano --data FOLDER`.

Interrupt it whenever you like: the same command goes on from the last checkpoint with the same examples. Averaged
weights (EMA) are validated; the best by the F1 of decisions are kept in best.safetensors. The rate is constant after
warm-up and falls with the inverse root from step `Plan.hold` on, so that a training may be continued at any time.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from random import Random
from typing import Any

import torch
from torch.nn import functional

from duplex.models.corpora.muon import Muon
from duplex.models.corpora.optimizers import adamw
from duplex.models.corpora.training_run import TrainingRun
from duplex.models.interaction.nano.config import NanoConfig
from duplex.models.interaction.nano.train.examples import Batch, Examples
from duplex.models.interaction.nano.train.texts import Texts
from duplex.models.interaction.nano.train.understood import Understanding
from duplex.models.interaction.nano.train.validation import Validation
from duplex.models.interaction.nano.vocabulary import build_vocabulary
from duplex.models.turn_taking.word_lists import plain_words

CLIP = 1.0


@dataclass(frozen=True)
class Plan:
    """How a training runs. rate: peak. hold: step at which it begins to fall. average: EMA's decay.

    check, save: minutes between validations and between checkpoints.
    """

    rate: float = 3e-3
    warm_up: int = 60
    hold: int = 1500
    average: float = 0.99
    check: float = 15.0
    save: float = 4.0


def rate_at(step: int, plan: Plan) -> float:
    """Linear warm-up, a plateau, then the inverse root."""
    return plan.rate * min(1.0, (step + 1) / plan.warm_up) * min(1.0, math.sqrt(plan.hold / max(step, 1)))


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


class Training(TrainingRun):
    """Also keeps best.safetensors and config.json."""

    COUNTERS = ("step", "pool", "place", "tokens", "used", "best")

    def __init__(self, out: Path, examples: Examples, config: NanoConfig, plan: Plan) -> None:
        super().__init__(out)
        self.examples, self.plan = examples, plan
        torch.manual_seed(examples.recipe.seed)
        self.model, self.average = new_model(config), new_model(config)
        self.average.load_state_dict(self.model.state_dict())
        named = dict(self.model.named_parameters())
        matrices = [p for name, p in named.items() if p.ndim == 2 and "embed" not in name]
        chosen = {id(p) for p in matrices}
        self.steppers: list[torch.optim.Optimizer] = [
            adamw([p for p in named.values() if id(p) not in chosen], plan.rate),
            Muon(matrices, plan.rate),
        ]
        self.pool, self.place = 0, 0
        self._batches: list[Batch] | None = None
        (out / "config.json").write_text(json.dumps(config.as_dict()), encoding="utf8")
        self.resume()

    def state(self) -> dict[str, Any]:
        return {
            "model": self.model.state_dict(),
            "average": self.average.state_dict(),
            "optimizers": [stepper.state_dict() for stepper in self.steppers],
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.average.load_state_dict(state["average"])
        for stepper, kept in zip(self.steppers, state["optimizers"], strict=True):
            stepper.load_state_dict(kept)

    def next_batch(self) -> Batch:
        """The batch after the last one, from the next pool if this one is used up."""
        while self._batches is None or self.place >= len(self._batches):
            if self._batches is not None:
                self.pool, self.place = self.pool + 1, 0
            self._batches = self.examples.pool(self.pool)
        self.place += 1
        return self._batches[self.place - 1]

    def advance(self) -> float:
        """One step; returns the loss."""
        loss, count = batch_loss(self.model, self.next_batch())
        for stepper in self.steppers:
            stepper.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), CLIP)
        for stepper in self.steppers:
            for group in stepper.param_groups:
                group["lr"] = rate_at(self.step, self.plan)
            stepper.step()
        self.step += 1
        self.tokens += count
        decay = min(self.plan.average, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, new in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(new, 1 - decay)
        return float(loss.detach())

    def run(self, validation: Callable[[], Validation], minutes: float = math.inf) -> None:
        """Until `minutes` of computing in all are used up. validation: asked for when it is first needed."""
        plan = self.plan
        self.loop(
            lambda: {"loss": self.advance()},
            lambda: self.validate(validation()),
            lambda: self.used < minutes * 60,
            every=25,
            check=plan.check,
            save=plan.save,
        )

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
