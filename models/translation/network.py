"""The translation network: a Transformer with rotary positions, pre-norm, one subword table for everything."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .config import TranslatorConfig


def rotation(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cosine and sine (positions, width / 2) of rotary positions (Su et al., arXiv 2104.09864)."""
    rates = torch.exp(torch.arange(0, width, 2, device=positions.device).float() * (-math.log(10000.0) / width))
    angles = positions.float()[:, None] * rates[None]
    return torch.cos(angles), torch.sin(angles)


def rotate(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotates (batch, heads, length, width) by its positions."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = turn
    return torch.cat([first * cos - second * sin, first * sin + second * cos], dim=-1)


class Attention(nn.Module):
    """Multi-head attention; keys and values may come from a cache."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width, bias=False)

    def split(self, x: Tensor) -> Tensor:
        """(batch, length, width) to (batch, heads, length, width / heads)."""
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, x: Tensor) -> tuple[Tensor, Tensor]:
        keys, values = self.key_value(x).chunk(2, dim=-1)
        return self.split(keys), self.split(values)

    def forward(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None, causal: bool) -> Tensor:
        """mask: added to the scores, or None. Returns (batch, length, width)."""
        mixed = F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, is_causal=causal)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def weighed(self, queries: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """The same written out, with the weights' mean over heads (batch, length, keys)."""
        scores = queries @ keys.transpose(-1, -2) / math.sqrt(queries.shape[-1])
        weights = torch.softmax(scores if mask is None else scores + mask, dim=-1)
        return self.out((weights @ values).transpose(1, 2).flatten(2)), weights.mean(1)


class FeedForward(nn.Sequential):
    """Two layers with a rectifier between them."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__(nn.Linear(width, inner), nn.ReLU(), nn.Linear(inner, width))


class Dropout(nn.Module):
    """Dropout with one mask for all positions of a sentence: as good, and far fewer random numbers."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.share == 0:
            return x
        return x * F.dropout(x.new_ones(x.shape[0], 1, x.shape[2]), self.share)


class EncoderLayer(nn.Module):
    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.attention = Attention(config.width, config.heads)
        self.inner = FeedForward(config.width, config.inner)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(2))
        self.drop = Dropout(config.dropout)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None) -> Tensor:
        normed = self.norms[0](x)
        keys, values = self.attention.keys_values(normed)
        queries = rotate(self.attention.split(self.attention.query(normed)), turn)
        x = x + self.drop(self.attention(queries, rotate(keys, turn), values, mask, False))
        return x + self.drop(self.inner(self.norms[1](x)))


class DecoderLayer(nn.Module):
    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.attention = Attention(config.width, config.heads)
        self.cross = Attention(config.width, config.heads)
        self.inner = FeedForward(config.width, config.inner)
        self.norms = nn.ModuleList(nn.LayerNorm(config.width) for _ in range(3))
        self.drop = Dropout(config.dropout)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], memory: tuple[Tensor, Tensor], mask: Tensor | None):
        """All positions at once, each sees those before it."""
        normed = self.norms[0](x)
        keys, values = self.attention.keys_values(normed)
        queries = rotate(self.attention.split(self.attention.query(normed)), turn)
        x = x + self.drop(self.attention(queries, rotate(keys, turn), values, None, True))
        queries = self.cross.split(self.cross.query(self.norms[1](x)))
        x = x + self.drop(self.cross(queries, *memory, mask, False))
        return x + self.drop(self.inner(self.norms[2](x)))

    def step(self, x: Tensor, turn: tuple[Tensor, Tensor], memory: Tensor, mask: Tensor | None, past: Tensor):
        """New positions after cached ones. memory, past: (2, batch, heads, length, head width), keys and values.

        Returns the vectors, the cache with the new positions, and the attention to the source (batch, new, source).
        """
        normed = self.norms[0](x)
        keys, values = self.attention.keys_values(normed)
        past = torch.cat([past, torch.stack([rotate(keys, turn), values])], dim=3)
        queries = rotate(self.attention.split(self.attention.query(normed)), turn)
        new, total = queries.shape[2], past.shape[3]
        order = torch.arange(total, device=x.device)[None] - torch.arange(new, device=x.device)[:, None]
        future = (order > total - new).float() * -1e9
        x = x + self.attention.weighed(queries, past[0], past[1], future)[0]
        queries = self.cross.split(self.cross.query(self.norms[1](x)))
        mixed, weights = self.cross.weighed(queries, memory[0], memory[1], mask)
        x = x + mixed
        return x + self.inner(self.norms[2](x)), past, weights


class TranslationNet(nn.Module):
    """Source subwords to target subwords, in either direction; the tag at the source's start says which."""

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config
        self.embedding = nn.Embedding(config.vocabulary, config.width)
        self.encoder = nn.ModuleList(EncoderLayer(config) for _ in range(config.encoder_layers))
        self.encoder_norm = nn.LayerNorm(config.width)
        self.decoder = nn.ModuleList(DecoderLayer(config) for _ in range(config.decoder_layers))
        self.decoder_norm = nn.LayerNorm(config.width)
        self.drop = Dropout(config.dropout)
        nn.init.normal_(self.embedding.weight, std=config.width**-0.5)
        for name, value in self.named_parameters():
            if value.ndim == 2 and "embedding" not in name:
                nn.init.xavier_uniform_(value)

    def embed(self, numbers: Tensor) -> Tensor:
        return self.drop(self.embedding(numbers) * math.sqrt(self.config.width))

    def encode(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """source (batch, length) of subwords, mask (batch, 1, 1, length) added to scores. Returns vectors."""
        turn = rotation(torch.arange(source.shape[1], device=source.device), self.config.head_width)
        x = self.embed(source)
        for layer in self.encoder:
            x = layer(x, turn, mask)
        return self.encoder_norm(x)

    def memories(self, encoded: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the source for each layer of the decoder."""
        return [layer.cross.keys_values(encoded) for layer in self.decoder]

    def forward(self, source: Tensor, mask: Tensor | None, target: Tensor) -> Tensor:
        """Vectors (batch, length, width) from which `logits` tells what follows each subword of the target."""
        encoded = self.encode(source, mask)
        turn = rotation(torch.arange(target.shape[1], device=target.device), self.config.head_width)
        x = self.embed(target)
        for layer, memory in zip(self.decoder, self.memories(encoded), strict=True):
            x = layer(x, turn, memory, mask)
        return self.decoder_norm(x)

    def logits(self, vectors: Tensor) -> Tensor:
        return F.linear(vectors, self.embedding.weight)

    def step(self, numbers: Tensor, memory: Tensor, mask: Tensor | None, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Decodes new subwords after cached ones.

        numbers (batch, new); memory (layers, 2, batch, heads, source, head width); past: the same with the target's
        length. Returns log-probabilities (batch, new, vocabulary), the longer past, attention (batch, new, source).
        """
        old = past.shape[4]
        turn = rotation(torch.arange(numbers.shape[1], device=numbers.device) + old, self.config.head_width)
        x, pasts, weights = self.embed(numbers), [], None
        for index, layer in enumerate(self.decoder):
            x, grown, weights = layer.step(x, turn, memory[index], mask, past[index])
            pasts.append(grown)
        return torch.log_softmax(self.logits(self.decoder_norm(x)), dim=-1), torch.stack(pasts), weights

    def initial_past(self, batch: int) -> Tensor:
        """The cache before the first subword."""
        config = self.config
        return torch.zeros(config.decoder_layers, 2, batch, config.heads, 0, config.head_width)


def padding_mask(numbers: Tensor) -> Tensor:
    """(batch, 1, 1, length), -1e9 at padding (0)."""
    return (numbers == 0).float()[:, None, None] * -1e9
