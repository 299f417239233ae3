"""Training: only the adapter learns, the loss falls, an interrupted run goes on, and what is written is what was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import numpy as np
import torch

from duplex.models.interaction.adapter.lora import load_adapter
from duplex.models.interaction.adapter.train.__main__ import parser
from duplex.models.interaction.adapter.train.answers import AnswerRecipe
from duplex.models.interaction.adapter.train.decisions import DecisionRecipe, decision_pack
from duplex.models.interaction.adapter.train.low_rank import TARGETS, attach
from duplex.models.interaction.adapter.train.training import Examples, Plan, Training
from duplex.models.interaction.adapter.train.validation import Validation, confusion
from duplex.models.interaction.causal_model import load_causal
from duplex.models.interaction.decider.language_model import DESCRIPTION
from duplex.models.interaction.nano.train.__main__ import chosen
from duplex.models.interaction.nano.train.streams import Simulation
from tests.models.interaction.adapter.test_examples import CONTROL

PLAN = Plan(rate=5e-3, warm_up=1, streams=1, rank=2, alpha=4.0, lowest=1)


@pytest.fixture
def start(folder: Path, simulation: Simulation, tmp_path: Path) -> Any:
    def made(name: str, plan: Plan = PLAN) -> Training:
        tokenizer, model = load_causal(str(folder))
        answers = AnswerRecipe(most=2, longest=2000)
        examples = Examples(simulation, simulation, tokenizer, CONTROL, DecisionRecipe(), answers)
        return Training(tmp_path / name, model, str(folder), examples, plan)

    return made


def test_an_adapter_at_rest_changes_nothing_and_only_it_learns(folder: Path) -> None:
    _, model = load_causal(str(folder))
    ids = torch.arange(12)[None]
    before = model(ids).logits.detach()
    layers = attach(model, 2, 4.0, lowest=1)
    assert torch.equal(model(ids).logits, before)
    assert sorted(layers) == sorted(
        f"model.layers.1.{'mlp' if name in TARGETS[4:] else 'self_attn'}.{name}" for name in TARGETS
    )
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning == {f"{name}.{part}" for name in layers for part in ("down", "up")}


def test_a_step_on_the_same_examples_lowers_the_loss(start: Any) -> None:
    training = start("falls")
    losses = []
    for _ in range(8):
        training.step = 0  # the same examples again
        losses.append(training.advance())
    assert losses[-1]["decide"] < 0.9 * losses[0]["decide"]
    assert losses[-1]["text"] < losses[0]["text"]


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(start: Any) -> None:
    whole, cut = start("whole"), start("cut")
    for training in (whole, cut):
        training.advance()
    cut.save()
    cut = start("cut")
    assert whole.advance() == cut.advance() and whole.tokens == cut.tokens
    for one, other in zip(whole.parameters, cut.parameters, strict=True):
        assert torch.equal(one, other)


def test_what_is_written_decides_as_what_was_trained(start: Any, tmp_path: Path) -> None:
    training = start("export")
    for _ in range(3):
        training.advance()
    training.export(tmp_path / "best", 0.6)
    _, merged = load_causal(str(tmp_path / "best"))
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.allclose(merged(ids).logits, training.model(ids).logits, atol=2e-3)
    config, pairs = load_adapter(tmp_path / "best")
    assert config.rank == 2 and config.targets == TARGETS and len(pairs) == len(TARGETS)
    assert json.loads((tmp_path / "best" / DESCRIPTION).read_text())["threshold"] == 0.6


def test_a_run_is_validated_logged_and_ends(start: Any) -> None:
    training = start("run", Plan(**{**PLAN.__dict__, "minutes": 1e-4}))
    examples = training.examples
    decisions = [decision_pack(examples.talk.stream("valid").blocks[:30], examples.encode, CONTROL)]
    braces = examples.encode("{")
    training.run(lambda: Validation(decisions, [examples.answer("valid")], CONTROL, braces))
    lines = [json.loads(line) for line in (training.out / "log.jsonl").read_text().splitlines()]
    assert {"f1", "threshold", "call", "said", "mean", "respond"} <= lines[-1].keys()
    assert (training.out / "best" / DESCRIPTION).exists() and training.checkpoint.exists()


def test_decisions_are_counted_as_the_gate_takes_them() -> None:
    chances = np.array([[0.3, 0.6, 0.1], [0.45, 0.55, 0.0], [0.5, 0.5, 0.0], [0.1, 0.2, 0.7]])
    right = np.array([1, 0, 0, 1])
    assert confusion(right, chances, 0.5).tolist() == [[1, 1, 0], [0, 1, 1], [0, 0, 0]]
    assert confusion(right, chances, 0.6).tolist() == [[2, 0, 0], [0, 1, 1], [0, 0, 0]]


def test_every_choice_is_an_option() -> None:
    given = parser().parse_args(["--out", "x", "--rank", "8", "--silence", "0.2", "--most", "3"])
    assert chosen(Plan, given).rank == 8
    assert chosen(DecisionRecipe, given).silence == 0.2 and chosen(AnswerRecipe, given).most == 3
