"""The key-value cache of one stream of tokens, as explicit state.

`transformers` keeps keys as they are after the rotary embedding and grows a layer's tensors by concatenation, never in
place. So a fork shares what is there already, and costs no memory until it goes on by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from duplex.streaming.errors import StageError
from duplex.streaming.lm.rotary import rotated

EMBEDDED = -1
"""Stands for the token id of an entry that was appended as an embedding."""


class KVCache:
    """n entries of one stream. The arrays are numpy, (n,), and replaced, never written into.

    ids: token ids, EMBEDDED for embeddings. positions: of the rotary embedding. scores: what entropy-kept memory goes
    by (nats). blocks: the number of the block that an entry belongs to; blocks are evicted whole. logits: (vocabulary,)
    after the last entry, None if they are not known; hidden: (width,), the last layer's output there, if it was kept.
    """

    def __init__(self) -> None:
        self.ids = np.zeros(0, np.int64)
        self.positions = np.zeros(0, np.int64)
        self.scores = np.zeros(0, np.float32)
        self.blocks = np.zeros(0, np.int64)
        self.logits: Any = None
        self.hidden: Any = None
        self.block = 0
        """The block that entries are being appended to."""
        self._layers: Any = None

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def next_position(self) -> int:
        return int(self.positions[-1]) + 1 if len(self) else 0

    @property
    def nbytes(self) -> int:
        """Bytes of keys and values."""
        layers = self._layers.layers if self._layers is not None else ()
        return sum(tensor.numel() * tensor.element_size() for layer in layers for tensor in (layer.keys, layer.values))

    def begin_block(self) -> int:
        """What is appended from now on is a new block. Returns its number."""
        self.block += 1
        return self.block

    def fork(self) -> KVCache:
        """The same state, on its own from now on: also a snapshot, which `restore` takes."""
        other = copy.copy(self)
        if self._layers is not None:
            other._layers = copy.copy(self._layers)
            other._layers.layers = [copy.copy(layer) for layer in self._layers.layers]
        return other

    def restore(self, snapshot: KVCache) -> None:
        """Be what `snapshot` was; it can be restored again."""
        self.__dict__.update(snapshot.fork().__dict__)

    def clear(self) -> None:
        """Forget everything."""
        self.restore(KVCache())

    def crop(self, length: int) -> None:
        """Keep the first `length` entries. Raises StageError if there are fewer."""
        if not 0 <= length <= len(self):
            raise StageError(f"a cache of {len(self)} entries cannot be cut back to {length}")
        if length == len(self):
            return
        if length == 0:
            self.clear()
            return
        for layer in self._layers.layers:
            layer.keys, layer.values = layer.keys[..., :length, :], layer.values[..., :length, :]
        self._select(np.arange(length))
        self.logits = self.hidden = None

    def keep(self, kept: np.ndarray, frequencies: Sequence[Any], positions: np.ndarray | None = None) -> None:
        """Evict all entries but `kept` (indices, ascending), which move to `positions` (by default 0, 1, 2, …).

        frequencies: of the rotary embedding, per layer (`rotary.layer_frequencies`). Keys that move are rotated by the
        distance. Logits stay: they belong to the last entry, which has to be kept for them to mean anything.
        """
        import torch

        if not len(kept):
            self.clear()
            return
        kept = np.asarray(kept)
        positions = np.arange(len(kept)) if positions is None else np.asarray(positions)
        distance = positions - self.positions[kept]
        whole = len(kept) == len(self)
        if not whole:
            index = torch.as_tensor(kept, device=self._layers.layers[0].keys.device)
            for layer in self._layers.layers:
                layer.keys, layer.values = layer.keys.index_select(-2, index), layer.values.index_select(-2, index)
        if distance.any():
            for layer, inverse in zip(self._layers.layers, frequencies, strict=True):
                layer.keys = rotated(layer.keys, torch.as_tensor(distance), inverse)
        if kept[-1] != len(self) - 1:
            self.logits = self.hidden = None
        if not whole:
            self._select(kept)
        self.positions = positions

    def grow(
        self,
        layers: Any,
        ids: np.ndarray,
        positions: np.ndarray,
        scores: np.ndarray,
        logits: Any,
        hidden: Any = None,
    ) -> None:
        """Take what a forward pass over new entries has left in `layers` (a DynamicCache)."""
        self._layers = layers
        self.ids = np.concatenate([self.ids, ids])
        self.positions = np.concatenate([self.positions, positions])
        self.scores = np.concatenate([self.scores, scores.astype(np.float32)])
        self.blocks = np.concatenate([self.blocks, np.full(len(ids), self.block)])
        self.logits, self.hidden = logits, hidden

    def layers(self) -> Any:
        """A DynamicCache that a forward pass may go on from; what it adds is not seen here."""
        from transformers import DynamicCache

        # Without the model's configuration, so that no layer drops what lies outside a sliding window by itself.
        return DynamicCache() if self._layers is None else self.fork()._layers

    def _select(self, kept: np.ndarray) -> None:
        self.ids, self.positions = self.ids[kept], self.positions[kept]
        self.scores, self.blocks = self.scores[kept], self.blocks[kept]
