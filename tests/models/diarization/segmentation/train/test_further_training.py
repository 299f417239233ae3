"""The segmentation's further training: it begins as the published network, learns, goes on, and is exported."""

from __future__ import annotations

import argparse
import json
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
import torch

from duplex.models.diarization.segmentation import pyannet
from duplex.models.diarization.segmentation.networks import Segmenter
from duplex.models.diarization.segmentation.train import export, loop, network, validation, windows
from duplex.models.diarization.segmentation.train.losses import powerset_loss
from duplex.models.diarization.segmentation.train.network import PyanNet
from duplex.models.diarization.segmentation.train.windows import AT_ONCE, LOCAL, window_labels
from duplex.streaming.onnx import session


@pytest.fixture
def published() -> dict[str, np.ndarray]:
    """Tensors of a network as it is published, at random, with filters that do hear something."""
    torch.manual_seed(0)
    net = PyanNet(3, 2)
    torch.nn.init.normal_(net.filters, std=0.1)
    return net.published()


def sound(windows: int = 1) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((windows, 160_000)).astype(np.float32) * 0.05


def classes_of(tensors: dict[str, np.ndarray], samples: np.ndarray) -> np.ndarray:
    (found,) = session(pyannet.graph(tensors)).run(None, {"samples": samples[:, None]})
    return found.transpose(1, 0, 2)


def test_training_and_graph_compute_the_same(published: dict[str, np.ndarray]) -> None:
    net = PyanNet(3, 2)
    net.load_published(published)
    with torch.no_grad():
        wanted = net(torch.from_numpy(sound())).softmax(-1).numpy()
    np.testing.assert_allclose(classes_of(published, sound()), wanted, atol=1e-5)


def test_the_larger_network_begins_as_the_published_one(published: dict[str, np.ndarray]) -> None:
    larger = PyanNet(LOCAL, AT_ONCE)
    larger.load_published(published)
    before, after = (classes_of(each, sound()) for each in (published, larger.published()))
    shared = [pyannet.sets(after.shape[-1]).index(members) for members in pyannet.sets(before.shape[-1])]
    likeliest = np.array(shared)[before.argmax(-1)]
    np.testing.assert_array_equal(after.argmax(-1), likeliest)
    known = after[..., shared]
    np.testing.assert_allclose(known / known.sum(-1, keepdims=True), before, atol=1e-5)


def test_the_loss_is_the_same_in_any_order_of_speakers() -> None:
    rng = np.random.default_rng(0)
    logits = torch.from_numpy(rng.standard_normal((2, 20, len(pyannet.powerset(LOCAL, AT_ONCE)))))
    labels = torch.from_numpy(rng.random((2, 20, LOCAL)) < 0.3)
    losses = [float(powerset_loss(logits, labels[..., list(order)])) for order in permutations(range(LOCAL))]
    # Where all four speak, which of them are labelled depends on their order; here nowhere.
    assert not labels.all(-1).any()
    np.testing.assert_allclose(losses, losses[0])


def test_the_loss_of_what_is_right_is_least() -> None:
    labels = torch.zeros(1, 30, LOCAL, dtype=torch.bool)
    labels[0, :10, 0] = labels[0, 5:20, 2] = True
    sets = pyannet.powerset(LOCAL, AT_ONCE)
    classes = torch.tensor([sets.index(tuple(torch.nonzero(row)[:, 0].tolist())) for row in labels[0]])
    right = 9.0 * torch.nn.functional.one_hot(classes, len(sets)).float()[None]
    assert powerset_loss(right, labels) < 0.01 < powerset_loss(right.flip(1), labels)


def test_labels_reach_around_the_truth_and_leave_out_who_speaks_least() -> None:
    activity = np.zeros((1000, 6), bool)
    for speaker, length in enumerate((300, 10, 200, 100, 0, 50)):
        activity[500 : 500 + length, speaker] = True
    labels = window_labels(activity)
    assert labels.shape == (589, LOCAL)
    seconds = labels.sum(0) * pyannet.STEP / 16_000
    np.testing.assert_allclose(seconds, [3.12, 2.12, 1.12, 0.62], atol=0.03)


def test_errors_count_what_is_missed_added_and_confused() -> None:
    truth = np.zeros((100, 2), bool)
    truth[:50, 0] = truth[50:, 1] = True
    one_voice = np.ones((100, 3), np.float32) * [1, 0, 0]
    found = validation.errors(lambda samples: one_voice, {"AMI": [(sound()[0], truth)]})
    assert found == {"AMI": 50.0, "missed": 0.0, "false": 0.0, "confused": 50.0}
    assert validation.errors(lambda samples: 0 * one_voice, {"1 speaker": [(sound()[0], truth)]}) == {
        "1 speaker": 100.0
    }


def test_a_run_learns_goes_on_and_is_exported(
    published: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    activity = np.zeros((1200, 2), bool)
    activity[300:700, 1] = True
    loud = np.repeat(activity.any(1), 160)
    samples = (rng.standard_normal(len(loud)) * np.where(loud, 6000, 30)).astype(np.int16)
    (tmp_path / "pool").mkdir()
    np.savez(tmp_path / "pool" / "2-000000.npz", samples=samples, activity=activity)
    monkeypatch.setattr(network, "read_tensors", lambda path: published)
    monkeypatch.setattr(network, "fetch", lambda entry: tmp_path)
    monkeypatch.setattr(loop, "data_folder", lambda folder: tmp_path)
    monkeypatch.setattr(loop, "Voices", argparse.Namespace(load=lambda data: None))
    monkeypatch.setattr(loop, "divided", lambda voices: (voices, voices))
    kinds = {"1 speaker": [(samples[:160_000].astype(np.float32) / 32768, np.ones((100, 1), bool))]}
    monkeypatch.setattr(loop, "scenes", lambda data, voices: kinds)
    arguments = argparse.Namespace(
        out=tmp_path / "run", pool=tmp_path / "pool", data=None, minutes=9.0, max_steps=3, every=9.0, rate=1e-3,
        batch=2, bf16=False, seed=0,
    )  # fmt: skip
    loop.SegmentationTraining(arguments).run()
    arguments.max_steps = 4
    loop.SegmentationTraining(arguments).run()
    lines = [json.loads(line) for line in (tmp_path / "run" / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "1 speaker" in line] == [0, 3, 4]

    weights = tmp_path / "segmentation.safetensors"
    step = tmp_path / "run" / "step-000004.npz"
    monkeypatch.setattr("sys.argv", ["export", str(step), str(weights), "--share", "0.5"])
    export.main()
    found = Segmenter(weights)(sound()[0])
    assert found.shape == (100, LOCAL) and np.isfinite(found).all()
    begun = network.begun().published()
    halfway = export.between(begun, dict(np.load(step)), 0.5)
    np.testing.assert_allclose(
        halfway["linear.0.weight"], (begun["linear.0.weight"] + np.load(step)["linear.0.weight"]) / 2
    )


def test_windows_are_drawn_from_what_is_there(tmp_path: Path) -> None:
    activity = np.zeros((1500, 1), bool)
    activity[100:900] = True
    samples = np.repeat(activity[:, 0], 160).astype(np.int16) * 16_384
    np.savez(tmp_path / "1-000000.npz", samples=samples, activity=activity)
    (tmp_path / "1-000001.npz").write_bytes(b"half a file")
    heard, labels = windows.Windows(tmp_path).batch(np.random.default_rng(0), 5)
    assert heard.shape == (5, 160_000) and labels.shape == (5, 589, LOCAL)
    middles = np.arange(589) * pyannet.STEP + pyannet.REACH // 2
    loud = heard[:, middles] > 0
    assert (labels.any(-1) >= loud).all() and labels.any(-1).sum() <= loud.sum() + 5 * 2 * 8
