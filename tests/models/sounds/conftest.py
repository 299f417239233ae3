"""A small tagger with random weights, exported as the shipped one is."""

from __future__ import annotations

from pathlib import Path

import pytest

from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.contract import Threshold

SMALL = TaggerConfig(channels=(4, 6, 8, 8), width=12)
THRESHOLDS = {"dog": Threshold(0.5, 0.3), "alarm": Threshold(0.9, 0.5)}


def random_net():
    """Its norms have run, so that they are no identities."""
    torch = pytest.importorskip("torch")
    from duplex.models.sounds.network import TaggerNet

    torch.manual_seed(3)
    net = TaggerNet(SMALL)
    torch.nn.init.zeros_(net.head.bias)
    with torch.no_grad():
        net.train()(torch.randn(4, 2, 100, SMALL.mels))
    return net.eval()


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("onnx")
    net = random_net()
    from duplex.models.sounds.train.export import export

    path = tmp_path_factory.mktemp("sounds") / "tagger.onnx"
    export(net, path, THRESHOLDS)
    return path
