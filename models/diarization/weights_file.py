"""Weights of the diarization network as safetensors, in half precision."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from duplex.models.diarization.config import DiarizationConfig
from duplex.models.diarization.network import DiarizationNet
from duplex.models.weights_file import load_network, save_network


def save_weights(path: str | Path, net: DiarizationNet) -> None:
    """Everything but the training's auxiliary output, fp16."""
    tensors = {name: tensor for name, tensor in net.state_dict().items() if not name.startswith("identify")}
    save_network(path, tensors, replace(net.config, identities=0).as_dict(), half=True)


def load_weights(path: str | Path) -> DiarizationNet:
    """The network in evaluation mode. Raises ModelError on a file that is missing or not of this kind."""
    return load_network(
        path, lambda config: DiarizationNet(DiarizationConfig.from_dict(config)), "does not hold a diarization network"
    )
