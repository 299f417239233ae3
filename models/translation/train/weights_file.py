"""Weights of the translator as safetensors; the vocabulary lies beside them."""

from __future__ import annotations

from pathlib import Path

from duplex.models.weights_file import load_network, save_network

from ..config import TranslatorConfig
from ..network import TranslationNet


def save_weights(path: str | Path, net: TranslationNet) -> None:
    """Writes the network as fp32, never half a file."""
    save_network(path, net.state_dict(), net.config.as_dict(), half=False)


def load_weights(path: str | Path) -> TranslationNet:
    """The network, ready to run. Raises ModelError if the file is missing or not of this class."""
    return load_network(
        path,
        lambda config: TranslationNet(TranslatorConfig.from_dict(config)),
        "holds no weights of the translation network",
    )
