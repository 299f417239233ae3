"""Training: it learns, and an interrupted run is the uninterrupted one."""

from __future__ import annotations

import math

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from duplex.models.corpora.muon import orthogonal  # noqa: E402
from duplex.models.translation.train.examples import Examples, Recipe  # noqa: E402
from duplex.models.translation.train.loss import SMOOTHING, smoothed_cross_entropy  # noqa: E402
from duplex.models.translation.train.training import Plan, Training, prepare, rate_at  # noqa: E402
from duplex.models.translation.train.weights_file import load_weights, save_weights  # noqa: E402
from duplex.models.translation.vocabulary import Vocabulary  # noqa: E402
from duplex.streaming.errors import ModelError  # noqa: E402


@pytest.fixture
def begin(data, vocabulary_file, small_config, monkeypatch):
    monkeypatch.setattr("duplex.models.translation.train.examples.POOL", 120)

    def make(out, **changes):
        out.mkdir(exist_ok=True)
        (out / "vocabulary.model").write_bytes(vocabulary_file.read_bytes())
        plan = Plan(warm_up=10, rate=4e-3, recipe=Recipe(tokens=900), **changes)
        parts, vocabulary, noise = prepare(data, out, 330, 1)
        examples = Examples(parts["train"], vocabulary, noise, plan.recipe)
        return Training(out, examples, vocabulary, small_config, plan)

    return make


def test_resuming_gives_the_identical_next_losses(begin, tmp_path):
    whole = begin(tmp_path / "whole")
    losses = [whole.advance() for _ in range(12)]
    first = begin(tmp_path / "parts")
    before = [first.advance() for _ in range(7)]
    first.save()
    torch.manual_seed(99)
    resumed = begin(tmp_path / "parts")
    assert resumed.step == 7
    after = [resumed.advance() for _ in range(5)]
    assert before + after == losses


def test_the_loss_falls(begin, tmp_path):
    training = begin(tmp_path / "run")
    losses = [training.advance() for _ in range(60)]
    assert np.mean(losses[-5:]) < 0.75 * np.mean(losses[:5])


def test_a_cool_down_ends_and_writes_the_best(begin, tmp_path):
    class Fixed:
        def score(self, net):
            return {"en-de": {"bleu": 1.0, "chrf": 2.0}}

    training = begin(tmp_path / "run")
    training.run(Fixed(), cool_down=3)
    assert training.step == 3 and training.checkpoint.exists()
    load_weights(tmp_path / "run" / "best.safetensors")
    assert (tmp_path / "run" / "log.jsonl").read_text().count("\n") == 1


def test_weights_of_something_else(tmp_path):
    with pytest.raises(ModelError, match="no weights"):
        load_weights(tmp_path / "absent.safetensors")


def test_weights_round_trip(small_net, tmp_path):
    save_weights(tmp_path / "net.safetensors", small_net)
    loaded = load_weights(tmp_path / "net.safetensors")
    assert loaded.config == small_net.config
    assert all(torch.equal(a, b) for a, b in zip(loaded.parameters(), small_net.parameters(), strict=True))


def test_loss_and_gradient_are_those_of_the_library():
    vectors, table = torch.randn(20, 8, requires_grad=True), torch.randn(50, 8, requires_grad=True)
    wanted = torch.randint(50, (20,))
    theirs = torch.nn.functional.cross_entropy(vectors @ table.T, wanted, label_smoothing=SMOOTHING)
    expected = torch.autograd.grad(theirs, (vectors, table))
    ours, plain = smoothed_cross_entropy(vectors, table, wanted)
    assert torch.allclose(ours, theirs, atol=1e-5)
    assert torch.allclose(plain, torch.nn.functional.cross_entropy(vectors @ table.T, wanted), atol=1e-5)
    for got, right in zip(torch.autograd.grad(ours, (vectors, table)), expected, strict=True):
        assert torch.allclose(got, right, atol=1e-5)


@pytest.mark.parametrize("shape", [(32, 32), (64, 32), (32, 96)])
def test_orthogonal(shape):
    values = torch.linalg.svdvals(orthogonal(torch.randn(shape)))
    assert values.max() < 1.7 and values.median() > 0.6


def test_the_rate_rises_holds_and_falls():
    plan = Plan()
    rates = [rate_at(step, plan) for step in (0, plan.warm_up, plan.hold, 4 * plan.hold)]
    assert rates[0] < rates[1] == rates[2] == plan.rate and math.isclose(rates[3], plan.rate / 2)


def test_prepare_builds_a_vocabulary(data, tmp_path, vocabulary_file):
    (tmp_path / "vocabulary.model").write_bytes(vocabulary_file.read_bytes())
    parts, vocabulary, _ = prepare(data, tmp_path, 330, 1)
    assert isinstance(vocabulary, Vocabulary) and sum(map(len, parts.values())) == 75
