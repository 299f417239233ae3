from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from duplex.models.diarization.config import LITE, DiarizationConfig

if TYPE_CHECKING:
    from duplex.models.diarization.network import DiarizationNet

SMALL = replace(LITE, width=32, encoder_layers=2, encoder_inner=48, decoder_layers=2, decoder_inner=32)


def random_net(config: DiarizationConfig = SMALL) -> DiarizationNet:
    """A network of random weights, whose half-precision export loses nothing."""
    import torch

    from duplex.models.diarization.network import DiarizationNet

    torch.set_num_threads(1)
    torch.manual_seed(0)
    net = DiarizationNet(config).eval()
    with torch.no_grad():
        for tensor in net.state_dict().values():
            if tensor.is_floating_point():
                tensor.add_(0.05 * torch.randn_like(tensor).abs()).copy_(tensor.half().float())
    return net


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the graphs of a small random network."""
    pytest.importorskip("torch")
    from duplex.models.diarization.train.export import export

    folder = tmp_path_factory.mktemp("diarization")
    export(random_net(), folder)
    return folder
