"""Sizes of Duplex-nano."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class NanoConfig:
    """A Llama of 4.1 M parameters whose input and output share one table of subwords.

    vocabulary: subwords, control tokens included. width: of all vectors. inner: of the feed-forward layers. key_heads:
    heads of keys and values, each shared by heads / key_heads queries. theta: base of the rotary positions.
    """

    vocabulary: int = 4096
    width: int = 256
    inner: int = 768
    layers: int = 4
    heads: int = 8
    key_heads: int = 2
    theta: float = 10_000.0
    epsilon: float = 1e-5

    @property
    def head_width(self) -> int:
        return self.width // self.heads

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def llama(self, longest: int = 2048) -> dict[str, Any]:
        """The arguments of `transformers.LlamaConfig` for the same network."""
        return {
            "vocab_size": self.vocabulary,
            "hidden_size": self.width,
            "intermediate_size": self.inner,
            "num_hidden_layers": self.layers,
            "num_attention_heads": self.heads,
            "num_key_value_heads": self.key_heads,
            "rope_parameters": {"rope_type": "default", "rope_theta": self.theta},
            "rms_norm_eps": self.epsilon,
            "max_position_embeddings": longest,
            "tie_word_embeddings": True,
            "pad_token_id": 0,
            "bos_token_id": 2,
            "eos_token_id": 3,
        }
