"""Layers of the causal frequency U-Net: convolutions that carry their past, sub-band normalisation, resampling of bins.

Feature maps are (batch, channels, frames, bins).
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

UNetState = tuple[Tensor, ...]
"""The past of each 3 x 3 convolution in the order they run: (batch, channels in, 2 x dilation, bins)."""


class Past:
    """Hands each causal convolution its past in turn, and collects what the next step needs."""

    def __init__(self, state: UNetState) -> None:
        self._state = iter(state)
        self._next: list[Tensor] = []

    def prepend(self, x: Tensor) -> Tensor:
        """The past and the new frames in one tensor, which the convolution needs anyway. Its tail becomes the next
        past without a copy, unless that would keep a long chunk alive."""
        joined = torch.cat((next(self._state).to(x.dtype), x), dim=2)
        tail = joined[:, :, x.shape[2] :]
        self._next.append(tail if x.shape[2] == 1 else tail.clone())
        return joined

    def collected(self) -> UNetState:
        return tuple(self._next)


def fan_average_(weight: Tensor, scale: float = 1.0) -> None:
    """Variance scaling, uniform, over the mean of fan-in and fan-out (Song et al. 2021, NCSN++)."""
    receptive = math.prod(weight.shape[2:])
    fan = (weight.shape[0] + weight.shape[1]) * receptive / 2
    bound = math.sqrt(3 * scale / fan)
    nn.init.uniform_(weight, -bound, bound)


class CausalConv(nn.Module):
    """A convolution of 3 bins and, in time, the taps t, t - d and t - 2d. bins: of its input."""

    bias: nn.Parameter

    def __init__(self, in_channels: int, out_channels: int, bins: int, dilation: int = 1) -> None:
        super().__init__()
        self.in_channels, self.out_channels, self.bins, self.dilation = in_channels, out_channels, bins, dilation

    def initial_past(self, batch: int) -> Tensor:
        return self.bias.new_zeros(batch, self.in_channels, 2 * self.dilation, self.bins)

    def forward(self, x: Tensor, past: Past) -> Tensor:
        return self.convolve(past.prepend(x))

    def convolve(self, x: Tensor) -> Tensor:
        """x: (B, in, 2d + T, F), the past in front. Returns (B, out, T, F)."""
        raise NotImplementedError


class CausalConv2d(CausalConv):
    """The full kernel: weight (out, in, 3 frames oldest first, 3 bins)."""

    def __init__(
        self, in_channels: int, out_channels: int, bins: int, dilation: int = 1, init_scale: float = 1.0
    ) -> None:
        super().__init__(in_channels, out_channels, bins, dilation)
        self.weight = nn.Parameter(torch.empty(out_channels, in_channels, 3, 3))
        self.bias = nn.Parameter(torch.zeros(out_channels))
        fan_average_(self.weight, init_scale)

    def convolve(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, self.bias, padding=(0, 1), dilation=(self.dilation, 1))


def pointwise(in_channels: int, out_channels: int) -> nn.Conv2d:
    """1 x 1 convolution."""
    conv = nn.Conv2d(in_channels, out_channels, 1)
    fan_average_(conv.weight)
    nn.init.zeros_(conv.bias)
    return conv


class SubbandBatchNorm(nn.Module):
    """Batch normalisation with one pair of statistics per channel group and frequency sub-band.

    Being fixed at inference, the statistics carry no state through time and look at no future frame, unlike those of
    group normalisation. Affine weights are per channel and sub-band.
    """

    def __init__(self, channels: int, subbands: int = 4, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        self.groups = max(1, min(channels // 4, 32))
        self.subbands = subbands
        self.momentum = momentum
        self.eps = eps
        self.weight = nn.Parameter(torch.ones(channels, subbands))
        self.bias = nn.Parameter(torch.zeros(channels, subbands))
        self.register_buffer("running_mean", torch.zeros(self.groups, subbands))
        self.register_buffer("running_var", torch.ones(self.groups, subbands))

    def forward(self, x: Tensor) -> Tensor:
        bands = x.unflatten(-1, (self.subbands, -1)).unflatten(1, (self.groups, -1))
        if self.training:
            var, mean = torch.var_mean(bands.to(self.running_mean.dtype), dim=(0, 2, 3, 5), correction=0)
            with torch.no_grad():
                self.running_mean.lerp_(mean, self.momentum)
                self.running_var.lerp_(var, self.momentum)
        else:
            mean, var = self.running_mean, self.running_var
        # One multiply-add per value: (groups, channels of a group, 1 frame, sub-bands, 1 bin)
        weight, bias = (p.unflatten(0, (self.groups, -1))[:, :, None, :, None] for p in (self.weight, self.bias))
        scale = weight * torch.rsqrt(var + self.eps)[:, None, None, :, None]
        shift = bias - scale * mean[:, None, None, :, None]
        return torch.addcmul(shift.to(x.dtype), bands, scale.to(x.dtype)).reshape(x.shape)


def halve_bins(x: Tensor) -> Tensor:
    """FIR (1, 3, 3, 1)/8 along the bins, then every second bin. (B, C, T, F) -> (B, C, T, F/2)."""
    kernel = x.new_tensor((1.0, 3.0, 3.0, 1.0)).div_(8).view(1, 1, 4)
    return F.conv1d(x.reshape(-1, 1, x.shape[-1]), kernel, stride=2, padding=1).view(*x.shape[:-1], -1)


def double_bins(x: Tensor) -> Tensor:
    """A zero after every bin, then the same FIR, its gain of one half not made up for. -> (B, C, T, 2F)."""
    above = F.pad(x[..., 1:], (0, 1))
    return torch.stack((3 * x + above, x + 3 * above), dim=-1).flatten(-2) / 8


def linear(in_features: int, out_features: int) -> nn.Linear:
    layer = nn.Linear(in_features, out_features)
    fan_average_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
