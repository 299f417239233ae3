"""A causal model of `transformers` as an engine of many dialogues: weights here, a dialogue's state in its KVCache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from duplex.streaming.errors import ModelError
from duplex.streaming.lm.cache_policy import CachePolicy, KeepAll
from duplex.streaming.lm.kv_cache import EMBEDDED, KVCache
from duplex.streaming.lm.rotary import cache_argument, layer_frequencies

UNKNOWN = 1e4
"""Score of a stream's first token, which nothing predicted: it stays."""


class CausalLM:
    """Appends to caches with the weights of `model` (AutoModelForCausalLM, in evaluation mode).

    chunk: entries in one forward pass; a longer append takes several. One cache must not be used by two threads at
    once; several caches may.

    keep_hidden: caches also get the last layer's output behind their last entry, which a head may read.

    Raises ModelError if the model does not keep a key and a value for each token in every layer (recurrent ones).
    """

    def __init__(self, model: Any, *, chunk: int = 256, keep_hidden: bool = False) -> None:
        self.model = model
        self.chunk = chunk
        self.keep_hidden = keep_hidden
        self.cache_argument = cache_argument(model)
        self._frequencies = layer_frequencies(model)

    @property
    def movable(self) -> bool:
        """Whether cached keys can be moved to other positions: eviction needs it."""
        return self._frequencies is not None

    def append(self, cache: KVCache, ids: Sequence[int] | np.ndarray, policy: CachePolicy | None = None) -> Any:
        """Append token ids; returns the logits after the last, (vocabulary,).

        What the policy gives up for them is evicted first. If it raises (CacheFull, or what the model raises), the
        cache is as it was before the chunk that failed.
        """
        import torch

        ids = np.asarray(ids, np.int64)
        for piece in self._pieces(len(ids), policy):
            given = torch.as_tensor(ids[piece], device=self.model.device)[None]
            self._forward(cache, ids[piece], {"input_ids": given}, policy, 0.0)
        return cache.logits

    def append_embeddings(
        self, cache: KVCache, embeddings: Any, policy: CachePolicy | None = None, *, score: float = 0.0
    ) -> Any:
        """Append embeddings, (n, width): audio, for instance. score: of each, as no token has a probability here."""
        count = embeddings.shape[0]
        for piece in self._pieces(count, policy):
            ids = np.full(piece.stop - piece.start, EMBEDDED)
            self._forward(cache, ids, {"inputs_embeds": embeddings[None, piece]}, policy, score)
        return cache.logits

    def make_room(self, cache: KVCache, incoming: int, policy: CachePolicy) -> bool:
        """Evict what `policy` gives up for `incoming` entries; returns whether anything was evicted.

        Raises CacheFull, and ModelError if keys have to move and cannot.
        """
        kept = policy.kept(cache, incoming)
        if kept is None:
            return False
        self.keep(cache, kept)
        return True

    def keep(self, cache: KVCache, kept: np.ndarray) -> None:
        """Evict all but the entries `kept`, which move together. Raises ModelError if keys cannot be moved."""
        if self._frequencies is None:
            raise ModelError(f"{type(self.model).__name__}: its cached keys cannot be moved, so nothing can be evicted")
        cache.keep(kept, self._frequencies)

    def surprisal(self, cache: KVCache, ids: Sequence[int]) -> float:
        """Mean negative log-probability (nats per token) of `ids` as what comes next; the cache stays as it is.

        The perplexity of a reply that is held back is its exponential (LiveStar, arXiv 2511.05299). Raises ValueError
        for no ids, or a cache whose last logits are not known.
        """
        if not len(ids) or cache.logits is None:
            raise ValueError("surprisal needs ids, and a cache that has computed its last entry")
        trial = cache.fork()
        self.append(trial, ids, _Scored())
        return float(trial.scores[len(cache) :].mean())

    def _pieces(self, count: int, policy: CachePolicy | None) -> list[slice]:
        size = self.chunk if policy is None or policy.largest is None else min(self.chunk, policy.largest)
        return [slice(start, min(start + size, count)) for start in range(0, count, size)]

    def _forward(
        self, cache: KVCache, ids: np.ndarray, given: dict[str, Any], policy: CachePolicy | None, score: float
    ) -> None:
        import torch

        count = len(ids)
        with torch.inference_mode():
            if policy is not None:
                self.make_room(cache, count, policy)
            scored = policy is not None and policy.scored and ids[0] != EMBEDDED
            positions = np.arange(count) + cache.next_position
            layers = cache.layers()
            out = self.model(
                **given,
                **{self.cache_argument: layers},
                position_ids=torch.as_tensor(positions, device=self.model.device)[None],
                use_cache=True,
                logits_to_keep=0 if scored else 1,
                **({"output_hidden_states": True} if self.keep_hidden else {}),
            )
            scores = self._scores(cache, ids, out.logits[0]) if scored else np.full(count, score)
            hidden = out.hidden_states[-1][0, -1].clone() if self.keep_hidden else None
            cache.grow(layers, ids, positions, scores, out.logits[0, -1].clone(), hidden)

    def _scores(self, cache: KVCache, ids: np.ndarray, logits: Any) -> np.ndarray:
        import torch

        known = cache.logits is not None
        before = torch.cat([cache.logits[None] if known else logits[:1], logits[:-1]]).float()
        chosen = torch.as_tensor(ids, device=before.device)[:, None]
        scores: np.ndarray = -torch.log_softmax(before, -1).gather(1, chosen)[:, 0].cpu().numpy()
        if not known:
            scores[0] = UNKNOWN
        return scores


class _Scored(KeepAll):
    """Keeps everything, with scores."""

    def __init__(self) -> None:
        super().__init__(scored=True)
