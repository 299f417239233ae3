"""Training: targets stand where they belong, the loss falls, and an interrupted run goes on as if it had not been."""

from __future__ import annotations

import json

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch

from duplex.models.interaction.nano.config import NanoConfig
from duplex.models.interaction.nano.export import load_training
from duplex.models.interaction.nano.train.__main__ import chosen, parser
from duplex.models.interaction.nano.train.examples import Examples, Recipe, example, held_out
from duplex.models.interaction.nano.train.streams import teacher
from duplex.models.interaction.nano.train.training import Plan, Training, batch_loss
from duplex.models.interaction.nano.train.validation import Validation
from duplex.models.interaction.nano.train.world import Answer
from duplex.models.interaction.nano.vocabulary import ACTIONS, BEGIN, DECISIONS, END, NUMBER, PAD
from duplex.streaming.errors import ModelError
from tests.models.interaction.nano.conftest import SMALL

pytestmark = pytest.mark.slow

RECIPE = Recipe(batch=1024, pool=8, longest=160)


@pytest.fixture
def examples(simulation, vocabulary) -> Examples:
    return Examples(simulation, vocabulary, RECIPE)


def test_a_decision_is_read_at_the_last_token_of_its_block(simulation, vocabulary) -> None:
    blocks = simulation.stream("targets", teacher).blocks
    made = example(blocks, vocabulary, RECIPE)
    assert len(made.ids) == len(made.targets) == len(made.weights)
    assert [ACTIONS[DECISIONS.index(made.targets[place])] for place in made.blocks] == [b.best for b in blocks]
    for place, block in zip(made.blocks, blocks, strict=True):
        assert made.weights[place] == (RECIPE.silence if block.best == "silent" else RECIPE.transition)
        written = place + 1 < len(made.ids) and made.ids[place + 1] in DECISIONS
        assert written == (block.action != "silent" and place + 1 < len(made.ids))


def test_an_answer_follows_its_decision(simulation, vocabulary) -> None:
    blocks = simulation.stream("targets", teacher).blocks
    last = max(place for place, block in enumerate(blocks) if block.best == "respond")
    called = Answer("", (("set_timer", '{"seconds":90}'), ("stop", "{}")))
    made = example(blocks[: last + 1], vocabulary, RECIPE, answer=called)
    start = len(made.ids) - made.ids[::-1].index(NUMBER["<respond>"])
    assert made.ids[start:].count(NUMBER["<call>"]) == 2 and made.ids[-1] == END
    assert made.targets[start - 1 : -1] == made.ids[start:]
    assert vocabulary.decode(made.ids[start:-1]) == 'set_timer {"seconds":90} stop {}'


def test_a_late_start_forgets_what_was_before(simulation, vocabulary) -> None:
    blocks = simulation.stream("targets", teacher).blocks
    made = example(blocks, vocabulary, RECIPE, first=30)
    assert made.ids[0] == BEGIN and len(made.blocks) == len(blocks) - 30


def test_batches_hold_all_examples_and_are_the_same_again(examples) -> None:
    first, again = examples.pool(0), examples.pool(0)
    assert RECIPE.pool <= sum(len(ids) for ids, _, _ in first) <= (1 + RECIPE.answers) * RECIPE.pool
    for one, other in zip(first, again, strict=True):
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)
    assert all((weights[ids == PAD] == 0).all() for ids, _, weights in first)


def test_the_loss_falls(examples, tmp_path) -> None:
    training = Training(tmp_path, examples, SMALL, Plan(warm_up=2))
    batch = examples.pool(0)[0]
    training._batches = [batch]
    before = batch_loss(training.net, batch)[0].item()
    for _ in range(12):
        training.place = 0
        training.advance()
    assert batch_loss(training.net, batch)[0].item() < 0.8 * before


def test_an_interrupted_training_goes_on(examples, tmp_path) -> None:
    plan = Plan(warm_up=2)
    whole, parted = tmp_path / "whole", tmp_path / "parted"
    whole.mkdir()
    parted.mkdir()
    uninterrupted = Training(whole, examples, SMALL, plan)
    straight = [uninterrupted.advance() for _ in range(4)]
    first = Training(parted, examples, SMALL, plan)
    parts = [first.advance() for _ in range(2)]
    first.save()
    second = Training(parted, examples, SMALL, plan)
    assert second.step == 2
    parts += [second.advance() for _ in range(2)]
    np.testing.assert_allclose(parts, straight, rtol=1e-5)


def test_the_best_weights_are_kept(examples, simulation, vocabulary, tmp_path) -> None:
    training = Training(tmp_path, examples, SMALL, Plan())
    with torch.no_grad():
        for parameter in training.average.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    training.best = -1.0
    training.validate(Validation(held_out(simulation, vocabulary, RECIPE, 4)))
    line = json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])
    assert set(ACTIONS) - {"silent"} < set(line) and line["best"] == line["f1"]
    config, tensors = load_training(tmp_path)
    assert config == SMALL
    kept = dict(training.average.named_parameters())
    assert all(torch.equal(tensors[name], kept[name].detach()) for name in kept)


def test_a_folder_without_a_training(tmp_path) -> None:
    with pytest.raises(ModelError, match="no training"):
        load_training(tmp_path)


def test_every_choice_is_an_option() -> None:
    arguments = parser().parse_args(["--out", "x", "--width", "96", "--warm-up", "30", "--answers", "0"])
    assert chosen(NanoConfig, arguments) == NanoConfig(width=96)
    assert chosen(Plan, arguments) == Plan(warm_up=30)
    assert chosen(Recipe, arguments) == Recipe(answers=0)
