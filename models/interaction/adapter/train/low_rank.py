"""Linear layers with an adapter in training: the frozen weight, and beside it a product of two small matrices."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

TARGETS = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""The linear layers of a Llama's block."""


class LowRankLinear(nn.Module):
    """x (…, in) to x Wᵀ + scale · (x Aᵀ) Bᵀ, (…, out); A (rank, in) random, B (out, rank) zero at first, W frozen."""

    def __init__(self, base: nn.Linear, rank: int, scale: float) -> None:
        super().__init__()
        self.base, self.scale = base, scale
        self.down = nn.Parameter(torch.empty(rank, base.in_features))
        self.up = nn.Parameter(torch.zeros(base.out_features, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, x: Tensor) -> Tensor:
        added = functional.linear(functional.linear(x, self.down), self.up)
        return torch.add(self.base(x), added, alpha=self.scale)


def attach(model: Any, rank: int, alpha: float, lowest: int) -> dict[str, LowRankLinear]:
    """Puts an adapter beside each of TARGETS in the model's blocks from `lowest` on, and freezes all else.

    Returns them by the name of the layer, as `model.layers.0.mlp.up_proj`.
    """
    model.requires_grad_(False)
    made = {}
    for name, layer in list(model.named_modules()):
        parts = name.split(".")
        if not isinstance(layer, nn.Linear) or parts[-1] not in TARGETS or int(parts[2]) < lowest:
            continue
        made[name] = LowRankLinear(layer, rank, alpha / rank)
        setattr(model.get_submodule(name.rpartition(".")[0]), parts[-1], made[name])
    return made
