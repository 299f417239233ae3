"""Weights of the network as safetensors, its configuration in the metadata; the vocabulary lies beside them."""

from __future__ import annotations

import json
from pathlib import Path

from duplex.streaming.errors import ModelError

from ..config import TranslatorConfig
from ..network import TranslationNet


def save_weights(path: str | Path, net: TranslationNet) -> None:
    """Writes the network as fp32, never half a file."""
    from safetensors.torch import save_file

    unfinished = Path(path).with_suffix(".tmp")
    tensors = {name: value.detach().contiguous() for name, value in net.state_dict().items()}
    save_file(tensors, str(unfinished), {"config": json.dumps(net.config.as_dict())})
    unfinished.replace(path)


def load_weights(path: str | Path) -> TranslationNet:
    """The network, ready to run. Raises ModelError if the file is missing or not of this class."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as file:
            config = TranslatorConfig.from_dict(json.loads(file.metadata()["config"]))
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        net = TranslationNet(config)
        net.load_state_dict(tensors)
    except (OSError, SafetensorError, KeyError, TypeError, RuntimeError) as error:
        raise ModelError(f"{path} holds no weights of the translation network: {error}") from error
    return net.eval()
