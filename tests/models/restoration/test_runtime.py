"""ONNX Runtime against PyTorch, and the shipped graphs against the shipped weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.lite import LiteNet
from duplex.models.restoration.offline import restore
from duplex.models.restoration.runtime import STEPS, LiteRuntime, export
from duplex.models.restoration.stage import WEIGHTS, RestorationStage
from duplex.models.restoration.weights_file import load_weights
from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import ModelError
from tests.models.restoration.signals import speech_like

SHIPPED = ["lite", "vocode"]


def live(stage: RestorationStage, audio: np.ndarray) -> np.ndarray:
    blocks = Blocks(stage)
    return np.concatenate([blocks.step(audio), blocks.flush()])


@pytest.mark.parametrize("across", ["gru", "global"])
def test_an_exported_graph_equals_pytorch(tmp_path: Path, across: str) -> None:
    pytest.importorskip("onnx")
    torch.manual_seed(0)
    net = LiteNet(LiteConfig(channels=12, hidden=12, wide=16, across=across)).eval()
    torch.nn.init.normal_(net.condition[1].weight, std=0.2)
    export(net, tmp_path / "net.onnx")
    audio = speech_like(0.7)[:-100]
    for steps in STEPS:
        got = live(RestorationStage("enhance", steps, weights=tmp_path / "net.onnx"), audio)
        np.testing.assert_allclose(got, restore(net, audio, "enhance", steps), atol=1e-5)


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_graph_is_in_step_with_shipped_weights(name: str) -> None:
    net = load_weights(WEIGHTS / f"{name}.safetensors")
    audio = speech_like(0.7) + np.random.default_rng(0).standard_normal(11200).astype(np.float32) * 0.02
    runtime = LiteRuntime(WEIGHTS / f"{name}.onnx")
    assert runtime.config == net.config
    frames = np.random.default_rng(1).standard_normal((12, 256, 2)).astype(np.float32) * 0.5
    state, conditions = runtime.initial_state(), runtime.conditions("auto", 1)[0]
    outs = []
    for frame in frames:
        out, state = runtime.step(frame, frame, conditions, state)
        outs.append(out)
    with torch.no_grad():
        whole = torch.from_numpy(frames)[None]
        table = net.conditions(torch.zeros(1), torch.tensor([TASKS.index("auto")]))
        expected, _ = net(whole, whole, table, net.initial_state(1))
    np.testing.assert_allclose(outs, expected[0], atol=1e-4)
    if name == "lite":
        for task, steps in (("auto", 1), ("bandwidth", 2)):
            got = live(RestorationStage(task, steps), audio)
            np.testing.assert_allclose(got, restore(net, audio, task, steps), atol=1e-4)


def test_bundled_weights_are_small() -> None:
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 18 * 10**6, "all families have 60 MB between them"


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "bad.onnx").write_bytes(b"nothing")
    for name in ("bad.onnx", "missing.onnx"):
        with pytest.raises(ModelError, match=name):
            LiteRuntime(tmp_path / name)
