"""Sizes of the translation network."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class TranslatorConfig:
    """A deep encoder, a shallow decoder, one table of subwords for both languages and both ends.

    vocabulary: subwords, tags included. width: of all vectors. inner: of the feed-forward layers.
    """

    vocabulary: int = 6144
    width: int = 256
    heads: int = 4
    inner: int = 1024
    encoder_layers: int = 4
    decoder_layers: int = 2
    dropout: float = 0.1

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TranslatorConfig:
        return cls(**values)
