"""Low-rank adapters (LoRA, arXiv 2106.09685) in the file format of PEFT, merged into the weights they belong to.

A folder holds adapter_config.json and adapter_model.safetensors with two matrices for each adapted layer; the merged
weight is W + alpha / rank · B A. Merged, a model is as fast as without, and every runtime of it works as it is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.streaming.errors import ModelError, first_line

if TYPE_CHECKING:
    from torch import Tensor

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model."
_DOWN, _UP = ".lora_A.weight", ".lora_B.weight"


@dataclass(frozen=True)
class LoraConfig:
    """rank, alpha: of every layer. targets: the last part of the adapted layers' names. base: the model that it was
    trained on, as its author named it. rank_scaled: the products are scaled by alpha / √rank (rsLoRA).
    """

    rank: int
    alpha: float
    targets: tuple[str, ...] = ()
    base: str = ""
    rank_scaled: bool = False

    @property
    def scale(self) -> float:
        return self.alpha / (math.sqrt(self.rank) if self.rank_scaled else self.rank)


Pairs = Mapping[str, tuple["Tensor", "Tensor"]]
"""By the layer's name in the model: A (rank, in) and B (out, rank)."""


def save_adapter(folder: Path, config: LoraConfig, pairs: Pairs) -> None:
    """Writes both files, the matrices in float16."""
    import torch
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    told = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": config.base,
        "r": config.rank,
        "lora_alpha": config.alpha,
        "use_rslora": config.rank_scaled,
        "target_modules": list(config.targets),
        "bias": "none",
        "inference_mode": True,
    }
    tensors = {}
    for name, (down, up) in pairs.items():
        tensors[f"{_PREFIX}{name}{_DOWN}"] = down.detach().to(torch.float16).contiguous()
        tensors[f"{_PREFIX}{name}{_UP}"] = up.detach().to(torch.float16).contiguous()
    unfinished = folder / (TENSORS + ".part")
    save_file(tensors, str(unfinished))
    unfinished.replace(folder / TENSORS)
    (folder / CONFIG).write_text(json.dumps(told, indent=1), encoding="utf8")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, and no model of its own."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").exists()


def read_config(folder: Path) -> LoraConfig:
    """Raises ModelError for a file that is missing or damaged, and for kinds of adapters that cannot be merged here."""
    try:
        told = dict(json.loads((folder / CONFIG).read_text("utf-8")))
        made = LoraConfig(
            int(told["r"]),
            float(told["lora_alpha"]),
            tuple(told.get("target_modules") or ()),
            str(told.get("base_model_name_or_path") or ""),
            bool(told.get("use_rslora")),
        )
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise ModelError(f"{folder} holds no adapter: {CONFIG}: {first_line(error)}") from error
    unknown = [name for name in ("use_dora", "modules_to_save", "alpha_pattern", "rank_pattern") if told.get(name)]
    if told.get("peft_type", "LORA") != "LORA":
        raise ModelError(f"{folder} holds an adapter of type {told['peft_type']}; only LORA can be merged")
    if told.get("bias", "none") != "none":
        unknown.append("bias")
    if unknown:
        raise ModelError(f"{folder} holds an adapter with {', '.join(unknown)}, which cannot be merged here")
    if made.rank < 1:
        raise ModelError(f"{folder} holds an adapter of rank {made.rank}")
    return made


def load_adapter(folder: Path) -> tuple[LoraConfig, dict[str, tuple[Tensor, Tensor]]]:
    """The adapter of a folder. Raises ModelError if it is incomplete or adapts what is no linear layer."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    config = read_config(folder)
    try:
        tensors = load_file(folder / TENSORS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder} holds no adapter: {TENSORS}: {first_line(error)}") from error
    names = {key.removeprefix(_PREFIX).removesuffix(_DOWN).removesuffix(_UP): key for key in tensors}
    expected = {f"{_PREFIX}{name}{part}" for name in names for part in (_DOWN, _UP)}
    if odd := sorted(expected ^ tensors.keys()):
        raise ModelError(f"{folder} holds an adapter of which {odd[0]} has no counterpart, or is of an unknown kind")
    return config, {name: (tensors[f"{_PREFIX}{name}{_DOWN}"], tensors[f"{_PREFIX}{name}{_UP}"]) for name in names}


def merge(model: Any, folder: Path) -> None:
    """Adds an adapter to the weights of a model of `transformers`.

    Raises ModelError, the model unchanged, if it was made for another one: layers that this one lacks, other shapes.
    """
    import torch

    config, pairs = load_adapter(folder)
    layers = dict(model.named_modules())
    origin = f"the adapter in {folder} was made for another model{f' ({config.base})' if config.base else ''}"
    for name, (down, up) in pairs.items():
        layer = layers.get(name)
        if not isinstance(layer, torch.nn.Linear):
            raise ModelError(f"{origin}: this one has no linear layer {name}")
        if up.shape != (layer.out_features, config.rank) or down.shape != (config.rank, layer.in_features):
            raise ModelError(
                f"{origin}: {name} maps {layer.in_features} to {layer.out_features}, and the adapter has "
                f"{tuple(down.shape)} and {tuple(up.shape)} at rank {config.rank}"
            )
        if not (torch.isfinite(down).all() and torch.isfinite(up).all()):
            raise ModelError(f"the adapter in {folder} holds values that are no numbers, in {name}")
    with torch.no_grad():
        for name, (down, up) in pairs.items():
            weight = layers[name].weight
            weight += (config.scale * (up.float() @ down.float())).to(weight)
