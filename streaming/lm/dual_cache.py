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
        read, written = len(self.source), len(self.target)
        if not len(ids):
            return self.target.logits
        positions = np.arange(len(ids)) + written + self.offset
        both = _joined(self.source, self.target)
        logits = _forward(lm, both, ids, positions)
        for layer in both.layers:  # copies, so that the joined tensors can go
            layer.keys, layer.values = layer.keys[..., read:, :].clone(), layer.values[..., read:, :].clone()
        self.target.grow(both, np.asarray(ids, np.int64), positions, np.zeros(len(ids)), logits)
        return logits

    def finish(self, lm: CausalLM, source: Sequence[int], target: Sequence[int]) -> KVCache:
        """The last of the source, which does not see the target, and more of the target, which sees all: one forward
        pass for both. Returns the whole as one cache that goes on behind the target; this one stays as it is.
        """
        import torch

        read, written, count = len(self.source), len(self.target), len(source) + len(target)
        seen = torch.ones(count, read + written + count).tril(read + written).bool()
        seen[: len(source), read : read + written] = False
        more = np.concatenate([np.arange(len(source)) + read, np.arange(len(target)) + written + self.offset])
        ids = np.asarray([*source, *target], np.int64)
        both = _joined(self.source, self.target)
        logits = _forward(lm, both, ids, more, seen)
        whole, parts = KVCache(), (self.source, self.target)
        ids = np.concatenate([*(part.ids for part in parts), ids])
        whole.grow(both, ids, np.concatenate([*(part.positions for part in parts), more]), np.zeros(len(ids)), logits)
        return whole


def _forward(lm: CausalLM, layers: Any, ids: Sequence[int] | np.ndarray, positions: Any, seen: Any = None) -> Any:
    """Appends to the DynamicCache `layers`; returns the logits after the last, (vocabulary,).

    seen: (n, entries), what each sees of what is there then; None: everything before it.
    """
    import torch

    device, mask = lm.model.device, {}
    if seen is not None:
        given = torch.where(seen, 0.0, torch.finfo(lm.model.dtype).min).to(device, lm.model.dtype)[None, None]
        kinds = set(getattr(lm.model.config.get_text_config(), "layer_types", None) or ())
        mask = {"attention_mask": dict.fromkeys(kinds, given) if len(kinds) > 1 else given}
    with torch.inference_mode():
        out = lm.model(
            input_ids=torch.as_tensor(np.asarray(ids, np.int64), device=device)[None],
            **{lm.cache_argument: layers},
            **mask,
            position_ids=torch.as_tensor(positions, device=device)[None],
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[0, -1].clone()


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
