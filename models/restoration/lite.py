"""The bundled network: band-split, dual-path, causal, one network for the predictor and for flow refinement.

It predicts clean data X1 from (X_t, Y, t, task), all in the compressed domain: data-prediction flow matching. At
t = 0 it is the predictor (X0 = Y + sigma Z), at t > 0 it refines. Bands are split as in BSRNN (Luo & Yu 2023), the two
paths (time within a band, bands within a frame) alternate as in DPRNN (Luo et al. 2020) and GTCRN (Rong et al. 2024),
with a complex filter over two frames as in DeepFilterNet (Schröter et al. 2022). What is missing altogether, as a lost
high band is, comes from an additive part and from the noise of X_t, which a mask shapes.
"""

from __future__ import annotations

import torch
from torch import nn

from duplex.models.restoration.config import LiteConfig
from duplex.models.restoration.contract import TASKS

TAPS = 7  # complex mask on Y_t, complex filter tap on Y_{t−1}, real mask on X_t − Y_t, additive part


class BandLinear(nn.Module):
    """A linear layer of its own for each band of a group: (K, N, fan_in) -> (K, N, fan_out)."""

    def __init__(self, bands: int, fan_in: int, fan_out: int, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(bands, fan_in, fan_out) * scale / fan_in**0.5)
        self.bias = nn.Parameter(torch.zeros(bands, 1, fan_out))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


class BandNorm(nn.Module):
    """Layer normalisation over a band's channels with scale and shift of its own for each band: (K, N, C)."""

    def __init__(self, bands: int, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(bands, 1, channels))
        self.bias = nn.Parameter(torch.zeros(bands, 1, channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


class Block(nn.Module):
    """One dual-path block: a GRU over time in each band, then an exchange between the bands of each frame.

    The exchange is a bidirectional GRU over the bands, or one wide GRU over time that sees all of them.
    """

    def __init__(self, config: LiteConfig) -> None:
        super().__init__()
        bands, channels = config.band_count, config.channels
        self.norm_time = BandNorm(bands, channels)
        self.time = nn.GRU(channels, channels)
        self.time_out = nn.Linear(channels, channels)
        self.norm_band = BandNorm(bands, channels)
        self.across = config.across
        if self.across == "gru":
            self.band = nn.GRU(channels, channels // 2, bidirectional=True)
            self.band_out = nn.Linear(channels, channels)
        else:
            self.narrow = nn.Linear(channels, 16)
            self.gather = nn.Linear(16 * bands, config.wide)
            self.wide = nn.GRU(config.wide, config.wide)
            self.scatter = nn.Linear(config.wide, 16 * bands)
            self.widen = nn.Linear(32, 2 * channels)
            self.band_out = nn.Linear(2 * channels, channels)

    def initial_state(self, batch: int) -> tuple[torch.Tensor, ...]:
        """Recurrences at rest: (1, K B, C) over time in each band and, with across="global", (1, B, wide)."""
        weight = self.time_out.weight
        shapes = [(1, self.norm_time.weight.shape[0] * batch, weight.shape[0])]
        if self.across == "global":
            shapes.append((1, batch, self.wide.hidden_size))
        return tuple(weight.new_zeros(shape) for shape in shapes)

    def forward(self, x: torch.Tensor, condition: torch.Tensor, state: tuple[torch.Tensor, ...]):
        """x (K, T, B, C), condition (B, 2C) -> x, new state."""
        bands, frames, batch, channels = x.shape
        scale, shift = condition.chunk(2, -1)
        h = self.norm_time(x.reshape(bands, -1, channels)).view_as(x) * (1 + scale) + shift
        h = h.transpose(0, 1).reshape(frames, bands * batch, channels)
        h, *new = self.time(h, state[0])
        h = self.time_out(h).view(frames, bands, batch, channels).transpose(0, 1)
        x = x + h
        h = self.norm_band(x.reshape(bands, -1, channels))
        if self.across == "gru":
            h = self.band_out(self.band(h)[0])
        else:
            narrow = self.narrow(h)
            everything = narrow.view(bands, frames, batch, 16).permute(1, 2, 0, 3).reshape(frames, batch, -1)
            told, memory = self.wide(nn.functional.gelu(self.gather(everything)), state[1])
            new.append(memory)
            told = self.scatter(told).view(frames * batch, bands, 16).transpose(0, 1)
            h = self.band_out(nn.functional.gelu(self.widen(torch.cat([narrow, told], -1))))
        return x + h.view_as(x), tuple(new)


class LiteNet(nn.Module):
    """Predicts clean speech from noisy speech and a point of the flow, in the compressed domain.

    State: a dict of tensors of constant size: `past` (B, bins, 4), the previous frame of Y and of X_t − Y, and `h0`,
    `h1`, … (1, bands B, channels), the recurrence over time of each block.
    """

    def __init__(self, config: LiteConfig | None = None) -> None:
        super().__init__()
        self.config = config = config or LiteConfig()
        self.embed_task = nn.Embedding(len(TASKS), config.channels)
        self.register_buffer("frequencies", torch.pi * 2.0 ** torch.arange(6), persistent=False)
        self.embed_time = nn.Linear(12, config.channels)
        self.condition = nn.Sequential(nn.SiLU(), nn.Linear(config.channels, 2 * config.channels * config.blocks))
        nn.init.zeros_(self.condition[1].weight)
        self.split = nn.ModuleList(BandLinear(count, 11 * width, config.channels) for count, width in config.bands)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.blocks))
        self.norm_out = BandNorm(config.band_count, config.channels)
        self.out_hidden = BandLinear(config.band_count, config.channels, 2 * config.hidden)
        self.out = nn.ModuleList(BandLinear(count, config.hidden, TAPS * width, 0.05) for count, width in config.bands)
        for (_, width), layer in zip(config.bands, self.out, strict=True):
            layer.bias.data.view(-1, width, TAPS)[..., 0] = 1.0  # starts as the identity

    def initial_state(self, batch: int = 1) -> dict[str, torch.Tensor]:
        state = {"past": self.embed_time.weight.new_zeros(batch, self.config.bins, 4)}
        for names, block in zip(self._state_names(), self.blocks, strict=True):
            state.update(zip(names, block.initial_state(batch), strict=True))
        return state

    def _state_names(self) -> list[tuple[str, ...]]:
        kinds = ("h", "w") if self.config.across == "global" else ("h",)
        return [tuple(f"{kind}{index}" for kind in kinds) for index in range(self.config.blocks)]

    def conditions(self, t: torch.Tensor, task: torch.Tensor) -> torch.Tensor:
        """t (B,) in [0, 1), task (B,) int64 -> (B, blocks, 2C); constant in a call, so computed once."""
        angles = t[:, None] * self.frequencies
        embedded = self.embed_time(torch.cat([angles.sin(), angles.cos()], -1)) + self.embed_task(task)
        return self.condition(embedded).view(len(t), self.config.blocks, -1)

    def forward(self, noisy: torch.Tensor, point: torch.Tensor, conditions: torch.Tensor, state: dict):
        """noisy Y and point X_t (B, T, bins, 2), conditions (B, blocks, 2C) -> X1 estimate (B, T, bins, 2), state."""
        now = torch.cat([noisy, point - noisy], -1)
        before = torch.cat([state["past"][:, None], now[:, :-1]], 1)
        loudness = noisy.square().sum(-1, keepdim=True).add(1e-8)
        # The square root of the compressed magnitude opens up the quiet bins: it is close to a logarithm.
        features = torch.cat(
            [now, before, loudness.sqrt(), loudness.pow(0.25), point.square().sum(-1, keepdim=True)], -1
        )
        x = self._to_bands(features)
        new_state = {"past": now[:, -1]}
        names = self._state_names()
        for index, block in enumerate(self.blocks):
            x, memory = block(x, conditions[:, index], tuple(state[name] for name in names[index]))
            new_state.update(zip(names[index], memory, strict=True))
        masks = self._from_bands(x)
        return self._filter(masks, now, before), new_state

    def _to_bands(self, features: torch.Tensor) -> torch.Tensor:
        """(B, T, bins, n) -> (K, T, B, C)."""
        batch, frames, _, depth = features.shape
        parts, at = [], 0
        for (count, width), layer in zip(self.config.bands, self.split, strict=True):
            part = features[:, :, at : at + count * width].reshape(batch, frames, count, width * depth)
            parts.append(layer(part.permute(2, 1, 0, 3).reshape(count, frames * batch, -1)))
            at += count * width
        return torch.cat(parts).view(self.config.band_count, frames, batch, -1)

    def _from_bands(self, x: torch.Tensor) -> torch.Tensor:
        """(K, T, B, C) -> (B, T, bins, TAPS)."""
        bands, frames, batch, channels = x.shape
        value, gate = self.out_hidden(self.norm_out(x.reshape(bands, -1, channels))).chunk(2, -1)
        hidden = value * torch.sigmoid(gate)
        parts, at = [], 0
        for (count, width), layer in zip(self.config.bands, self.out, strict=True):
            part = layer(hidden[at : at + count]).view(count, frames, batch, width, TAPS)
            parts.append(part.permute(2, 1, 0, 3, 4).reshape(batch, frames, count * width, TAPS))
            at += count
        return torch.cat(parts, 2)

    @staticmethod
    def _filter(masks: torch.Tensor, now: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        (re, im, noise_re, noise_im), (past_re, past_im) = now.unbind(-1), before.unbind(-1)[:2]
        a, b, c, d, shape, add_re, add_im = masks.unbind(-1)
        real = a * re - b * im + c * past_re - d * past_im + shape * noise_re + add_re
        imaginary = a * im + b * re + c * past_im + d * past_re + shape * noise_im + add_im
        return torch.stack([real, imaginary], -1)
