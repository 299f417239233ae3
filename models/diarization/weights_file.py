"""Weights with their configuration in one safetensors file, half precision."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import torch

from duplex.models.diarization.config import DiarizationConfig
from duplex.models.diarization.network import DiarizationNet
from duplex.streaming.errors import ModelError


def save_weights(path: str | Path, net: DiarizationNet) -> None:
    """Everything but the training's auxiliary output, fp16."""
    from safetensors.torch import save_file

    tensors = {
        name: tensor.detach().cpu().to(torch.float16 if tensor.is_floating_point() else tensor.dtype).contiguous()
        for name, tensor in net.state_dict().items()
        if not name.startswith("identify")
    }
    config = replace(net.config, identities=0)
    save_file(tensors, str(path), {"config": json.dumps(config.as_dict())})


def load_weights(path: str | Path) -> DiarizationNet:
    """The network in evaluation mode. Raises ModelError on a file that is missing or not of this kind."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            config = DiarizationConfig.from_dict(json.loads((file.metadata() or {})["config"]))
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        net = DiarizationNet(config)
        net.load_state_dict(tensors)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path} does not hold a diarization network: {error}") from error
    return net.eval()
