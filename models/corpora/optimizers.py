"""The optimizer, the learning-rate schedule and the averaging of weights that trainings share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import chain

import torch
from torch import nn

from duplex.models.corpora.muon import Muon


def adamw(parameters: Iterable[nn.Parameter], rate: float) -> torch.optim.AdamW:
    """The optimizer of everything that has no other."""
    return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.98), weight_decay=0.01)


def muon_and_adamw(net: nn.Module, rate: float, matrix: Callable[[str], bool]) -> list[torch.optim.Optimizer]:
    """Muon (orthogonalised momentum) for parameters of two dimensions whose name is a `matrix`, AdamW for the rest."""
    matrices = [p for name, p in net.named_parameters() if p.ndim == 2 and matrix(name)]
    chosen = {id(p) for p in matrices}
    return [adamw([p for p in net.parameters() if id(p) not in chosen], rate), Muon(matrices, rate)]


def scale(step: int, progress: float, warm_up: int = 150) -> float:
    """Learning-rate factor: linear warm-up in steps, cosine over the share of the time that is gone."""
    return min(1.0, (step + 1) / warm_up) * (0.5 + 0.5 * math.cos(math.pi * min(progress, 1.0)))


def average_into(average: nn.Module, net: nn.Module, decay: float) -> None:
    """Exponential moving average of weights and of the statistics of norms."""
    with torch.no_grad():  # each once, also weights that are tied
        pairs = zip(*(chain(each.parameters(), each.buffers()) for each in (average, net)), strict=True)
        for mean, new in pairs:
            if mean.is_floating_point():
                mean.lerp_(new, 1 - decay)
