"""The written graphs compute what PyTorch computes of the same tensors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from duplex.models import store
from duplex.models.diarization.segmentation import ENTRY, pyannet
from duplex.models.diarization.segmentation.networks import PUBLISHED
from duplex.models.torch_checkpoint import read_tensors
from duplex.streaming.onnx import session


@pytest.fixture(scope="module")
def folder() -> Path:
    found = store.find(ENTRY)
    if found is None:
        pytest.skip(f"{ENTRY} is not in the store: duplex models pull {ENTRY}")
    return found


def test_the_segmentation(folder: Path) -> None:
    tensors = read_tensors(folder / PUBLISHED)
    samples = np.random.default_rng(0).standard_normal((2, 1, 48_000)).astype(np.float32) * 0.05
    (found,) = session(pyannet.graph(tensors)).run(None, {"samples": samples})
    p = {name: torch.from_numpy(values) for name, values in tensors.items()}

    def normal(x: torch.Tensor, name: str) -> torch.Tensor:
        return F.instance_norm(x, weight=p[f"{name}.weight"], bias=p[f"{name}.bias"])

    lstm = torch.nn.LSTM(60, 128, 4, bidirectional=True, batch_first=True)
    lstm.load_state_dict({name[5:]: values for name, values in p.items() if name.startswith("lstm.")})
    with torch.no_grad():
        x = normal(torch.from_numpy(samples), "sincnet.wav_norm1d")
        x = F.conv1d(x, torch.from_numpy(pyannet.sinc_filters(tensors)), stride=10).abs()
        for layer in range(3):
            if layer:
                x = F.conv1d(x, *(p[f"sincnet.conv1d.{layer}.{part}"] for part in ("weight", "bias")))
            x = F.leaky_relu(normal(F.max_pool1d(x, 3), f"sincnet.norm1d.{layer}"))
        x = lstm(x.transpose(1, 2))[0]
        for layer in range(2):
            x = F.leaky_relu(F.linear(x, p[f"linear.{layer}.weight"], p[f"linear.{layer}.bias"]))
        wanted = F.linear(x, p["classifier.weight"], p["classifier.bias"]).softmax(-1)
    np.testing.assert_allclose(found, wanted.transpose(0, 1).numpy(), atol=1e-5)


def test_a_checkpoint_of_torch_is_read(tmp_path: Path) -> None:
    wanted = {"a": torch.randn(3, 4), "b": torch.randn(4, 3).T, "c": torch.arange(3), "d": torch.tensor(2.5)}
    torch.save(wanted, tmp_path / "a.pt")
    found = read_tensors(tmp_path / "a.pt")
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        np.testing.assert_array_equal(found[name], values.numpy())
