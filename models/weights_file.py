"""Weights of networks that are trained here: one safetensors file, the configuration as JSON in its metadata."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from duplex.streaming.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor, nn

    Net = TypeVar("Net", bound=nn.Module)


def save_network(path: str | Path, tensors: Mapping[str, Tensor], config: Mapping[str, Any], *, half: bool) -> None:
    """Never half a file. half: floats in half precision."""
    from safetensors.torch import save_file

    kept = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    if half:
        kept = {name: tensor.half() if tensor.is_floating_point() else tensor for name, tensor in kept.items()}
    unfinished = Path(path).with_suffix(".tmp")
    save_file(kept, str(unfinished), {"config": json.dumps(config)})
    unfinished.replace(path)


def load_network(path: str | Path, make: Callable[[dict[str, Any]], Net], complaint: str) -> Net:
    """The network in float32 and evaluation mode.

    make: an untrained one of a configuration. complaint: of another file, as in "does not hold a sound tagger". Raises
    ModelError on a file that is missing or not of this kind.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), framework="pt") as file:
            config = json.loads((file.metadata() or {})["config"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        net = make(config)
        net.load_state_dict(tensors)
    except (OSError, KeyError, TypeError, ValueError, RuntimeError, SafetensorError) as error:
        raise ModelError(f"{path} {complaint}: {error}") from error
    return net.eval()
