"""Trains an adapter: `python -m duplex.models.interaction.adapter.train --out runs/adapter --data FOLDER`.

Interrupt it whenever you like: the same command goes on from the last checkpoint with the same examples. The rate falls
to nothing at the last of `Plan.minutes`. The best adapter, by decisions and calls on the validation split, is
kept in best/ in PEFT's format.
"""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from duplex.models.corpora.optimizers import adamw, scale
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


class Training:
    """A run in a folder: state.pt, best/, log.jsonl."""

    def __init__(self, out: Path, model: Any, base: str, examples: Examples, plan: Plan) -> None:
        self.out, self.model, self.base, self.examples, self.plan = out, model, base, examples, plan
        torch.manual_seed(plan.seed)
        self.layers = attach(model, plan.rank, plan.alpha, plan.lowest)
        self.parameters = [matrix for layer in self.layers.values() for matrix in (layer.down, layer.up)]
        self.stepper = adamw(self.parameters, plan.rate)
        self.step, self.tokens, self.used, self.best = 0, 0, 0.0, 0.0
        out.mkdir(parents=True, exist_ok=True)
        if self.checkpoint.exists():
            self.resume()

    @property
    def checkpoint(self) -> Path:
        return self.out / "state.pt"

    _COUNTERS = ("step", "tokens", "used", "best")

    def save(self) -> None:
        """Everything that the next step depends on, never half a file."""
        state = {
            "matrices": [matrix.detach() for matrix in self.parameters],
            "optimizer": self.stepper.state_dict(),
            "counters": {name: getattr(self, name) for name in self._COUNTERS},
        }
        unfinished = self.checkpoint.with_suffix(".tmp")
        torch.save(state, unfinished)
        unfinished.replace(self.checkpoint)

    def resume(self) -> None:
        """Goes on from the checkpoint."""
        state = torch.load(self.checkpoint, map_location="cpu", weights_only=True)
        with torch.no_grad():
            for matrix, kept in zip(self.parameters, state["matrices"], strict=True):
                matrix.copy_(kept)
        self.stepper.load_state_dict(state["optimizer"])
        for name, value in state["counters"].items():
            setattr(self, name, value)

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
        begun, saved, checked = time.monotonic() - self.used, time.monotonic(), time.monotonic()
        losses: defaultdict[str, list[float]] = defaultdict(list)
        while self.used < self.plan.minutes * 60:
            for kind, loss in self.advance().items():
                losses[kind].append(loss)
            now = time.monotonic()
            self.used = now - begun
            if self.step % 4 == 0:
                self.note(**{kind: round(sum(each) / len(each), 4) for kind, each in losses.items()})
                losses.clear()
            if now - checked >= self.plan.check * 60:
                self.validate(validation())
                checked = time.monotonic()
            if now - saved >= self.plan.save * 60:
                self.save()
                saved = time.monotonic()
        self.validate(validation())
        self.save()

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

    def note(self, **values: Any) -> None:
        """A line in the log and on the screen."""
        line = {"step": self.step, "minutes": round(self.used / 60, 1), "tokens": self.tokens, **values}
        print(text := json.dumps(line), flush=True)
        with (self.out / "log.jsonl").open("a", encoding="utf8") as log:
            log.write(text + "\n")
