"""Trains an adapter: `python -m duplex.models.interaction.adapter.train --out runs/adapter --data FOLDER`.

Interrupt it whenever you like: the same command goes on from the last checkpoint with the same examples. The rate falls
to nothing at the last of `Plan.minutes`. The best adapter, by decisions and calls on the validation split, is
kept in best/ in PEFT's format.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from duplex.models.corpora.optimizers import adamw, scale
from duplex.models.corpora.training_run import TrainingRun
from duplex.models.interaction.adapter.lora import LoraConfig, save_adapter
from duplex.models.interaction.adapter.spelling import CONTROL
from duplex.models.interaction.adapter.train.answers import CONTEXTS, NAMES, AnswerRecipe, Prompts, answer_pack, asked
from duplex.models.interaction.adapter.train.decisions import DecisionRecipe, decision_pack
from duplex.models.interaction.adapter.train.low_rank import TARGETS, attach
from duplex.models.interaction.adapter.train.packing import Pack
from duplex.models.interaction.adapter.train.validation import Validation
from duplex.models.interaction.decider.language_model import DESCRIPTION
from duplex.models.interaction.nano.train.streams import Simulation, wavering

CLIP = 1.0


@dataclass(frozen=True)
class Plan:
    """How a training runs. rate: peak. minutes: of computing in all. streams: of decisions in a step; every
    `answering`-th step has a pack of answers as well.

    rank, alpha, lowest: of the adapter: its products are scaled by alpha / rank, and it begins at block `lowest` (what
    is below needs no gradients). check, save: minutes between validations and between checkpoints.
    """

    rate: float = 1e-3
    warm_up: int = 8
    minutes: float = 60.0
    streams: int = 3
    answering: int = 2
    rank: int = 16
    alpha: float = 32.0
    lowest: int = 15
    check: float = 15.0
    save: float = 4.0
    seed: int = 1


class Examples:
    """Packs without end, the same for the same seed. talk: streams for decisions; requests: streams with more of them,
    for answers. decisions, answers: how they are made.
    """

    def __init__(
        self,
        talk: Simulation,
        requests: Simulation,
        tokenizer: Any,
        control: dict[Any, int],
        decisions: DecisionRecipe,
        answers: AnswerRecipe,
    ) -> None:
        self.talk, self.requests, self.tokenizer, self.control = talk, requests, tokenizer, control
        self.decisions, self.answers = decisions, answers
        self._prompts = [Prompts(tokenizer, context, name) for context in CONTEXTS for name in NAMES]

    def encode(self, text: str) -> list[int]:
        ids: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        return ids

    def decision(self, seed: str) -> Pack:
        """A stream's decisions."""
        rng = random.Random(f"decisions {seed}")
        blocks = self.talk.stream(f"decisions {seed}", wavering).blocks
        first = rng.randrange(len(blocks) // 2 + 1) if rng.random() < self.decisions.late_start else 0
        return decision_pack(blocks, self.encode, self.control, self.decisions, rng, first)

    def answer(self, seed: str) -> Pack:
        """A few streams' answers."""
        rng, found, number = random.Random(f"answers {seed}"), [], 0
        while len(found) < self.answers.most:
            found += asked(self.requests.stream(f"answers {seed} {number}").blocks)
            number += 1
        return answer_pack(found[: self.answers.most], rng.choice(self._prompts), self.answers, rng)


class Training(TrainingRun):
    """Also keeps the best adapter in best/."""

    def __init__(self, out: Path, model: Any, base: str, examples: Examples, plan: Plan) -> None:
        super().__init__(out)
        self.model, self.base, self.examples, self.plan = model, base, examples, plan
        torch.manual_seed(plan.seed)
        self.layers = attach(model, plan.rank, plan.alpha, plan.lowest)
        self.parameters = [matrix for layer in self.layers.values() for matrix in (layer.down, layer.up)]
        self.stepper = adamw(self.parameters, plan.rate)
        out.mkdir(parents=True, exist_ok=True)
        self.resume()

    def state(self) -> dict[str, Any]:
        return {
            "matrices": [matrix.detach() for matrix in self.parameters],
            "optimizer": self.stepper.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        with torch.no_grad():
            for matrix, kept in zip(self.parameters, state["matrices"], strict=True):
                matrix.copy_(kept)
        self.stepper.load_state_dict(state["optimizer"])

    def advance(self) -> dict[str, float]:
        """One step; returns the losses in nats, of decisions and of tokens of answers."""
        seed, plan, losses = f"{self.plan.seed} {self.step}", self.plan, {}
        control = list(self.examples.control.values())
        decisions = [self.examples.decision(f"{seed} {number}") for number in range(plan.streams)]
        answers = [] if self.step % plan.answering else [self.examples.answer(seed)]
        self.stepper.zero_grad()
        for kind, packs, among in (("decide", decisions, control), ("text", answers, ())):
            if not packs:
                continue
            weight = sum(pack.weight for pack in packs)
            losses[kind] = 0.0
            for pack in packs:
                if pack.targets:
                    loss = pack.loss(self.model, among) / weight
                    loss.backward()
                    losses[kind] += float(loss.detach())
                    self.tokens += len(pack)
        torch.nn.utils.clip_grad_norm_(self.parameters, CLIP)
        for group in self.stepper.param_groups:
            group["lr"] = plan.rate * scale(self.step, self.used / (60 * plan.minutes), plan.warm_up)
        self.stepper.step()
        self.step += 1
        return losses

    def run(self, validation: Callable[[], Validation]) -> None:
        """Until `Plan.minutes` are used up. validation: asked for when it is first needed."""
        plan = self.plan
        self.loop(
            self.advance,
            lambda: self.validate(validation()),
            lambda: self.used < plan.minutes * 60,
            every=4,
            check=plan.check,
            save=plan.save,
        )

    def validate(self, validation: Validation) -> None:
        """Scores the adapter and keeps it if it is the best so far."""
        scores = validation.score(self.model)
        if scores["mean"] >= self.best:
            self.best = scores["mean"]
            self.export(self.out / "best", scores["threshold"])
        self.note(**scores, best=self.best)

    def export(self, folder: Path, threshold: float) -> None:
        """Writes the adapter as it is now, with its description for `decider.language_model`."""
        plan = self.plan
        told = {"tokens": dict(CONTROL), "threshold": threshold}
        folder.mkdir(parents=True, exist_ok=True)
        (folder / DESCRIPTION).write_text(json.dumps(told, ensure_ascii=False), encoding="utf8")
        config = LoraConfig(plan.rank, plan.alpha, TARGETS, base=self.base)
        save_adapter(folder, config, {name: (layer.down, layer.up) for name, layer in self.layers.items()})
