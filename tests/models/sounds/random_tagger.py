"""A small tagger with random weights, exported as a trained one is."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path

import pytest

from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.contract import Threshold
from duplex.models.sounds.stage import Tagger

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


@functools.cache
def random_tagger() -> Tagger:
    """Skips the test where torch or onnx is missing."""
    pytest.importorskip("onnx")
    net = random_net()
    from duplex.models.sounds.train.export import export

    with tempfile.TemporaryDirectory() as folder:
        export(net, Path(folder) / "tagger.onnx", THRESHOLDS)
        return Tagger(Path(folder) / "tagger.onnx")
