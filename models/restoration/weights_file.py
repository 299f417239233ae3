"""Weights of the lite network as safetensors, in half precision."""

from __future__ import annotations

from pathlib import Path

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.lite import LiteNet
from duplex.models.weights_file import load_network, save_network


def save_weights(path: str | Path, net: LiteNet) -> None:
    """Writes the network as fp16."""
    save_network(path, net.state_dict(), net.config.to_dict(), half=True)


def load_weights(path: str | Path) -> LiteNet:
    """The network in fp32, ready to run. Raises ModelError if the file is missing or not of this class."""
    return load_network(
        path, lambda config: LiteNet(LiteConfig.from_dict(config)), "holds no weights of the lite restoration network"
    )
