"""CausalNCSNpp: the frequency U-Net of Stream.FM (arXiv 2512.19442), causal in time.

Feature maps are (batch, channels, frames, bins). Time is never down-sampled and every 3 x 3 convolution looks 2 frames
back (4 in the down-sampling blocks) and none ahead: 110 frames in all. Whole signals and single frames go through the
same code: `step` takes any number of frames and the frames that came before, and a whole signal is one step from an
all-zero past.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from duplex.models.restoration.unet_layers import (
    CausalConv,
    CausalConv2d,
    Past,
    SubbandBatchNorm,
    UNetState,
    double_bins,
    halve_bins,
    linear,
    pointwise,
)
from duplex.streaming.errors import SettingsError

TimeBiases = tuple[Tensor | None, ...]
"""What the flow time adds in each residual block, (batch, channels), in the order they run."""

HALF_POWER = math.sqrt(0.5)
"""Keeps the variance of a sum of two."""


@dataclass(frozen=True, slots=True)
class UNetConfig:
    """The published network, by default with the flow's input [X_t, Y].

    in_channels: real and imaginary parts of all input spectra; bins: of the input, a multiple of
    subbands x 2^(levels - 1); timed: conditioned on the flow time t (the predictor is not).
    """

    in_channels: int = 4
    bins: int = 256
    width: int = 128
    multipliers: tuple[int, ...] = (1, 2, 2, 2)
    blocks: int = 2
    subbands: int = 4
    timed: bool = True
    fourier_scale: float = 16.0

    def __post_init__(self) -> None:
        unit = self.subbands * 2 ** (len(self.multipliers) - 1)
        if self.bins % unit:
            raise SettingsError(f"U-Net: {self.bins} bins cannot be halved into sub-bands; use a multiple of {unit}")


class ResidualBlock(nn.Module):
    """Norm, SiLU, convolution, twice; time enters between them as a bias. bins: of its input.

    resample: halve_bins, double_bins or None; a halving block looks back twice as far in its first convolution.
    """

    def __init__(
        self,
        config: UNetConfig,
        in_channels: int,
        out_channels: int,
        bins: int,
        resample: Callable[[Tensor], Tensor] | None = None,
    ) -> None:
        super().__init__()
        inner = {None: bins, halve_bins: bins // 2, double_bins: bins * 2}[resample]
        dilation = 2 if resample is halve_bins else 1
        self.resample = resample
        self.norm_in = SubbandBatchNorm(in_channels, config.subbands)
        self.conv_in = CausalConv2d(in_channels, out_channels, inner, dilation)
        self.time = linear(4 * config.width, out_channels) if config.timed else None
        self.norm_out = SubbandBatchNorm(out_channels, config.subbands)
        self.conv_out = CausalConv2d(out_channels, out_channels, inner, init_scale=1e-5)
        self.shortcut = pointwise(in_channels, out_channels) if in_channels != out_channels or resample else None

    def forward(self, x: Tensor, past: Past, time_bias: Tensor | None) -> Tensor:
        h = F.silu(self.norm_in(x))
        if self.resample is not None:
            h, x = self.resample(h), self.resample(x)
        h = self.conv_in(h, past)
        if time_bias is not None:
            h = h + time_bias[:, :, None, None]
        h = self.conv_out(F.silu(self.norm_out(h)), past)
        if self.shortcut is not None:
            x = self.shortcut(x)
        return (x + h) * HALF_POWER


class TimeEmbedding(nn.Module):
    """Random Fourier features of t in [0, 1] and two linear layers: (batch,) -> (batch, 4 x width)."""

    def __init__(self, width: int, scale: float) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.randn(width) * scale)
        self.layers = nn.Sequential(linear(2 * width, 4 * width), nn.SiLU(), linear(4 * width, 4 * width))

    def forward(self, t: Tensor) -> Tensor:
        angle = 2 * math.pi * t[:, None] * self.frequencies
        return self.layers(torch.cat((angle.sin(), angle.cos()), dim=1))


class EncoderLevel(nn.Module):
    """One resolution on the way down. All but the last level halve the bins and let the input pyramid in."""

    def __init__(self, config: UNetConfig, entering: int, channels: int, bins: int, last: bool) -> None:
        super().__init__()
        ins = [entering] + [channels] * (config.blocks - 1)
        self.blocks = nn.ModuleList(ResidualBlock(config, at, channels, bins) for at in ins)
        self.down = None if last else ResidualBlock(config, channels, channels, bins, halve_bins)
        self.pyramid = None if last else pointwise(config.in_channels, channels)

    def forward(
        self, h: Tensor, pyramid: Tensor, past: Past, biases: Iterator[Tensor | None]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        skips = []
        for block in self.blocks:
            h = block(h, past, next(biases))
            skips.append(h)
        if self.down is not None:
            pyramid = halve_bins(pyramid)
            h = (self.pyramid(pyramid) + self.down(h, past, next(biases))) * HALF_POWER
        return h, pyramid, skips


class DecoderLevel(nn.Module):
    """One resolution on the way up: encoder maps come in as sums, and the level adds its share of the output."""

    def __init__(self, config: UNetConfig, entering: int, channels: int, bins: int, skips: list[int], last: bool):
        super().__init__()
        ins = [entering] + [channels] * (len(skips) - 1)
        self.skips = nn.ModuleList(
            nn.Identity() if skip == at else pointwise(skip, at) for skip, at in zip(skips, ins, strict=True)
        )
        self.blocks = nn.ModuleList(ResidualBlock(config, at, channels, bins) for at in ins)
        self.norm = SubbandBatchNorm(channels, config.subbands)
        self.output = CausalConv2d(channels, 2, bins, init_scale=1e-5)
        self.up = None if last else ResidualBlock(config, channels, channels, bins, double_bins)

    def forward(
        self, h: Tensor, out: Tensor | None, skips: list[Tensor], past: Past, biases: Iterator[Tensor | None]
    ) -> tuple[Tensor, Tensor]:
        for skip, block in zip(self.skips, self.blocks, strict=True):
            h = block((skip(skips.pop()) + h) * HALF_POWER, past, next(biases))
        share = self.output(F.silu(self.norm(h)), past)
        out = share if out is None else double_bins(out) + share
        if self.up is not None:
            h = self.up(h, past, next(biases))
        return h, out


class CausalNCSNpp(nn.Module):
    """The U-Net: encoder with an input pyramid, bottleneck, decoder with an output pyramid.

    Call with x (B, in_channels, T, bins) and t (B,) in [0, 1] (None if the network is not timed); returns the real
    and imaginary part of one spectrum, (B, 2, T, bins). Modules are registered in the order they run: states and
    time biases follow it.
    """

    def __init__(self, config: UNetConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or UNetConfig()
        widths = [config.width * multiplier for multiplier in config.multipliers]
        bins = [config.bins >> level for level in range(len(widths))]
        last = len(widths) - 1

        self.embed = TimeEmbedding(config.width, config.fourier_scale) if config.timed else None
        self.stem = CausalConv2d(config.in_channels, config.width, config.bins)
        self.encoder, at, skips = nn.ModuleList(), config.width, [config.width]
        for level, channels in enumerate(widths):
            self.encoder.append(EncoderLevel(config, at, channels, bins[level], level == last))
            at = channels
            skips += [at] * config.blocks
        self.bottleneck = nn.ModuleList(ResidualBlock(config, at, at, bins[last]) for _ in range(2))
        self.decoder = nn.ModuleList()
        for level in range(last, -1, -1):
            popped = [skips.pop() for _ in range(config.blocks + (level == 0))]
            self.decoder.append(DecoderLevel(config, at, widths[level], bins[level], popped, level == 0))
            at = widths[level]

    def forward(self, x: Tensor, t: Tensor | None = None) -> Tensor:
        return self.step(x, self.initial_state(x.shape[0]), self.condition(t))[0]

    def initial_state(self, batch: int = 1) -> UNetState:
        """Silence before the signal: all zeros. Its size never changes."""
        return tuple(conv.initial_past(batch) for conv in self.modules() if isinstance(conv, CausalConv))

    def condition(self, t: Tensor | None = None) -> TimeBiases:
        """The bias (B, channels) that t (B,) adds in each residual block; nothing if the network is not timed.

        It does not depend on the signal: with a solver's fixed times it is computed once, not at every frame.
        """
        blocks = [module for module in self.modules() if isinstance(module, ResidualBlock)]
        if self.embed is None:
            return (None,) * len(blocks)
        embedded = F.silu(self.embed(t))
        return tuple(block.time(embedded) for block in blocks)

    def step(self, x: Tensor, state: UNetState, biases: TimeBiases) -> tuple[Tensor, UNetState]:
        """The next T >= 1 frames, x (B, in_channels, T, bins), with `condition`'s biases. `state` stays as it was."""
        past = Past(state)
        biases = iter(biases)
        h = self.stem(x, past)
        pyramid, skips, out = x, [h], None
        for level in self.encoder:
            h, pyramid, new = level(h, pyramid, past, biases)
            skips += new
        for block in self.bottleneck:
            h = block(h, past, next(biases))
        for level in self.decoder:
            h, out = level(h, out, skips, past, biases)
        return out, past.collected()
