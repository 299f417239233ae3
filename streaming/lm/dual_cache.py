"""Group position encoding (arXiv 2505.16983): a source that is read and a target that is written, at once.

Each has its own cache and its own positions. The source never sees the target, so reading goes on while writing and
nothing is computed again; the target sees the source read so far. StreamingThinker (arXiv 2510.17238) thinks this way
while it listens. Models have to be tuned for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache


class DualCache:
    """State of one dialogue. offset: position of the target's first token."""

    def __init__(self, offset: int = 0) -> None:
        self.source = KVCache()
        self.target = KVCache()
        self.offset = offset

    def fork(self) -> DualCache:
        """The same state, on its own from now on."""
        other = DualCache(self.offset)
        other.source, other.target = self.source.fork(), self.target.fork()
        return other

    def read(self, lm: CausalLM, ids: Sequence[int]) -> Any:
        """More of the source; returns the logits after it, (vocabulary,)."""
        return lm.append(self.source, ids)

    def read_embeddings(self, lm: CausalLM, embeddings: Any) -> Any:
        """More of the source, as embeddings, (n, width)."""
        return lm.append_embeddings(self.source, embeddings)

    def write(self, lm: CausalLM, ids: Sequence[int]) -> Any:
        """More of the target, which sees the source read so far; returns the logits after it, (vocabulary,)."""
        import torch

        count, read, written = len(ids), len(self.source), len(self.target)
        if not count:
            return self.target.logits
        positions = np.arange(count) + written + self.offset
        with torch.inference_mode():
            both = _joined(self.source, self.target)
            out = lm.model(
                input_ids=torch.as_tensor(np.asarray(ids, np.int64), device=lm.model.device)[None],
                **{lm.cache_argument: both},
                position_ids=torch.as_tensor(positions, device=lm.model.device)[None],
                use_cache=True,
                logits_to_keep=1,
            )
            for layer in both.layers:  # copies, so that the joined tensors can go
                layer.keys, layer.values = layer.keys[..., read:, :].clone(), layer.values[..., read:, :].clone()
            logits = out.logits[0, -1].clone()
            self.target.grow(both, np.asarray(ids, np.int64), positions, np.zeros(count), logits)
        return logits


def _joined(source: KVCache, target: KVCache) -> Any:
    """A DynamicCache of both, source first."""
    import torch

    both = source.layers()
    if not len(target):
        return both
    if not len(source):
        return target.layers()
    for layer, other in zip(both.layers, target.layers().layers, strict=True):
        layer.keys = torch.cat([layer.keys, other.keys], -2)
        layer.values = torch.cat([layer.values, other.values], -2)
    return both
