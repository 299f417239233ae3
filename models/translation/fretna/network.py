"""The network of FReTNA: one look at a source and at a canvas says how the canvas is to be edited.

A Levenshtein-style decoder (Gu, Wang and Zhao, 2019, "Levenshtein Transformer"; Han et al., 2020, FReTNA, arXiv
2012.14681). What those do in three passes, deletion, insertion and filling, one pass does here: placeholders stand at
the end of the canvas before it is looked at, so a translation that only grows costs a single pass.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..config import TranslatorConfig
from ..network import DecoderLayer, TranslationNet, rotate, rotation

INSERTIONS = 8
"""Placeholders that one pass may insert after a subword at most."""


class EditNet(nn.Module):
    """Encoder and decoder are those of the autoregressive network, from whose weights a training starts; here each
    position of the decoder sees the whole canvas."""

    def __init__(self, config: TranslatorConfig) -> None:
        super().__init__()
        self.config = config
        self.base = TranslationNet(config)
        self.keep = nn.Linear(config.width, 2)
        self.insert = nn.Linear(config.width, INSERTIONS + 1)

    def encode(self, source: Tensor, mask: Tensor | None) -> Tensor:
        """As TranslationNet: subwords (batch, source) to vectors (batch, source, width)."""
        return self.base.encode(source, mask)

    def look(self, canvas: Tensor, own: Tensor | None, encoded: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
        """canvas (batch, length) of subwords; own, mask: added to scores, (batch, 1, 1, length) and (…, source).

        Returns vectors (batch, length, width) and the attention to the source (batch, length, source).
        """
        base = self.base
        turn = rotation(torch.arange(canvas.shape[1], device=canvas.device), self.config.head_width)
        x, weights = base.embed(canvas), encoded
        for layer in base.decoder:
            x, weights = _both_ways(layer, x, turn, own, layer.cross.keys_values(encoded), mask)
        return base.decoder_norm(x), weights

    def edits(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of delete and keep (…, 2), and of how much to insert after each subword (…, INSERTIONS + 1)."""
        return self.keep(vectors), self.insert(vectors)


def _both_ways(
    layer: DecoderLayer, x: Tensor, turn: tuple[Tensor, Tensor], own: Tensor | None, memory: tuple, mask: Tensor | None
) -> tuple[Tensor, Tensor]:
    """A layer of the decoder in which each position sees those behind it as well."""
    normed = layer.norms[0](x)
    keys, values = layer.attention.keys_values(normed)
    queries = rotate(layer.attention.split(layer.attention.query(normed)), turn)
    x = x + layer.drop(layer.attention(queries, rotate(keys, turn), values, own, False))
    queries = layer.cross.split(layer.cross.query(layer.norms[1](x)))
    mixed, weights = layer.cross.weighed(queries, *memory, mask)
    x = x + layer.drop(mixed)
    return x + layer.drop(layer.inner(layer.norms[2](x))), weights
