"""Weights as safetensors: fp16 tensors, the network's configuration in the metadata."""

from __future__ import annotations

import json
from pathlib import Path

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.lite import LiteNet
from duplex.streaming.errors import ModelError


def save_weights(path: str | Path, net: LiteNet) -> None:
    """Writes the network as fp16."""
    from safetensors.torch import save_file

    tensors = {name: value.detach().half().contiguous() for name, value in net.state_dict().items()}
    save_file(tensors, str(path), {"config": json.dumps(net.config.to_dict())})


def load_weights(path: str | Path) -> LiteNet:
    """The network in fp32, ready to run. Raises ModelError if the file is missing or not of this class."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            config = LiteConfig.from_dict(json.loads(file.metadata()["config"]))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        net = LiteNet(config)
        net.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path} holds no weights of the lite restoration network: {error}") from error
    return net.eval()
