"""Weights of the sound tagger as safetensors, in half precision."""

from __future__ import annotations

from pathlib import Path

from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.network import TaggerNet
from duplex.models.weights_file import load_network, save_network


def save_weights(path: str | Path, net: TaggerNet) -> None:
    """fp16, but for counters."""
    save_network(path, net.state_dict(), net.config.as_dict(), half=True)


def load_weights(path: str | Path) -> TaggerNet:
    """The network in evaluation mode. Raises ModelError on a file that is missing or not of this kind."""
    return load_network(path, lambda config: TaggerNet(TaggerConfig.from_dict(config)), "does not hold a sound tagger")
