"""Weights with their configuration in one safetensors file, half precision."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.network import TaggerNet
from duplex.streaming.errors import ModelError


def save_weights(path: str | Path, net: TaggerNet) -> None:
    """fp16, but for counters."""
    from safetensors.torch import save_file

    tensors = {
        name: tensor.detach().to(torch.float16 if tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in net.state_dict().items()
    }
    save_file(tensors, str(path), {"config": json.dumps(net.config.as_dict())})


def load_weights(path: str | Path) -> TaggerNet:
    """The network in evaluation mode. Raises ModelError on a file that is missing or not of this kind."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            config = TaggerConfig.from_dict(json.loads((file.metadata() or {})["config"]))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        net = TaggerNet(config)
        net.load_state_dict(tensors)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path} does not hold a sound tagger: {error}") from error
    return net.eval()
