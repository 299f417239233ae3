"""The tagger's network: causal convolutions and a recurrent layer, 0.7 M parameters.

The recurrent layer gathers evidence over seconds, as in CRNN taggers (Çakır et al. 2017, arXiv 1702.06286); the
convolutions look back in time only, by what each remembers of its input.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from duplex.models.sounds.config import TaggerConfig

KERNEL = 3


class CausalConv(nn.Module):
    """A 3 by 3 convolution over (batch, channels, frames, bands) that looks back in time only."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.reach = KERNEL - stride[0]
        """Frames of its input that it remembers."""
        self.conv = nn.Conv2d(inputs, outputs, KERNEL, stride, padding=(0, 1), bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = inputs == outputs and stride == (1, 1)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        joined = torch.cat([past, x], dim=2)
        y = torch.relu(self.norm(self.conv(joined)))
        return (x + y if self.residual else y), joined[:, :, -self.reach :]


class TaggerNet(nn.Module):
    """From planes (batch, 2, frames, mels), whole blocks of frames, to logits (batch, blocks, labels)."""

    def __init__(self, config: TaggerConfig | None = None, dropout: float = 0.2) -> None:
        super().__init__()
        self.config = config = config or TaggerConfig()
        a, b, c, d = config.channels
        shapes = [(2, a, (2, 2)), (a, b, (1, 2)), (b, c, (2, 2)), (c, d, (1, 2)), (d, d, (1, 1))]
        self.convolutions = nn.ModuleList(CausalConv(*shape) for shape in shapes)
        bands = config.mels
        self._past_shapes = []
        for layer, (inputs, _, stride) in zip(self.convolutions, shapes, strict=True):
            self._past_shapes.append((inputs, layer.reach, bands))
            bands //= stride[1]
        self.narrow = nn.Sequential(nn.Linear(d * bands, config.width), nn.LayerNorm(config.width), nn.ReLU())
        self.drop = nn.Dropout(dropout)
        self.memory = nn.GRU(config.width, config.width, batch_first=True)
        self.head = nn.Linear(2 * config.width, len(config.labels))
        nn.init.constant_(self.head.bias, -3.0)

    def initial_state(self, batch: int = 1) -> list[Tensor]:
        """What each convolution remembers, then the recurrent layer's state."""
        pasts = [torch.zeros(batch, *shape) for shape in self._past_shapes]
        return [*pasts, torch.zeros(1, batch, self.config.width)]

    def forward(self, planes: Tensor, state: Sequence[Tensor] | None = None) -> tuple[Tensor, list[Tensor]]:
        *pasts, hidden = self.initial_state(len(planes)) if state is None else state
        x, after = planes, []
        for layer, before in zip(self.convolutions, pasts, strict=True):
            x, past = layer(x, before)
            after.append(past)
        x = self.drop(self.narrow(x.permute(0, 2, 1, 3).flatten(2)))
        y, hidden = self.memory(x, hidden)
        ticks = self.head(self.drop(torch.cat([x, y], dim=2)))
        return self.pooled(ticks), [*after, hidden]

    def pooled(self, ticks: Tensor) -> Tensor:
        """Logits (batch, ticks, labels) to (batch, blocks, labels): a smooth maximum over a block's ticks."""
        count = self.config.ticks
        parts = ticks.reshape(len(ticks), -1, count, ticks.shape[2])
        return torch.logsumexp(parts, dim=2) - math.log(count)
