"""A causal language model that reads percepts: one forward pass a decision, whatever has gathered since the last.

The pass appends what is certain together with the tail; the cache is then cut back to what is certain. Caches are
forked, not changed, so a state is a snapshot and costs no copy of keys and values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.decider.percept_text import TextState, moment, open_words, percept_text
from duplex.models.interaction.percepts import Percept
from duplex.streaming.lm.cache_policy import CachePolicy, SinksAndWindow
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache

SINKS = 4
WINDOW = 1020
"""Entries of the cache: some ten minutes of a conversation. Older ones are evicted; the sinks stay."""
SLACK = 128
RESTART = 256
"""Entries with which a model whose keys cannot be moved begins anew when it has WINDOW of them."""


@dataclass(frozen=True, slots=True)
class StreamState:
    """text: what has been said so far; cache: what the model has read of it."""

    text: TextState = field(default_factory=TextState)
    cache: KVCache = field(default_factory=KVCache)


class ModelStream:
    """encode: text to token ids, without special tokens. prompt: read before everything else."""

    def __init__(self, lm: CausalLM, encode: Callable[[str], Sequence[int]], prompt: str = "") -> None:
        self.lm = lm
        self.encode = encode
        self._prompt = prompt
        self._policy: CachePolicy | None = SinksAndWindow(SINKS, WINDOW, SLACK) if lm.movable else None

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: StreamState, ending: str | None = None
    ) -> tuple[KVCache, StreamState]:
        """The cache behind the tail, whose logits are those of the decision, and the state that goes on.

        ending: what stands in the tail in place of the moment's description. Raises what the model raises; `state` is
        then as it was.
        """
        certain, uncertain, text = block_ids(self.encode, percepts, situation, state.text, ending)
        cache = state.cache.fork()
        if not len(cache) and self._prompt:
            certain = [*self.encode(self._prompt), *certain]
        if self._policy is None and len(cache) + len(certain) > WINDOW:
            certain = [*cache.ids[-RESTART:].tolist(), *certain][-WINDOW:]
            cache.clear()
        self.lm.append(cache, [*certain, *uncertain], self._policy)
        kept = cache.fork()
        kept.crop(len(kept) - len(uncertain))
        return cache, StreamState(text, kept)


def block_ids(
    encode: Callable[[str], Sequence[int]],
    percepts: Sequence[Percept],
    situation: Situation,
    text: TextState,
    ending: str | None = None,
) -> tuple[list[int], list[int], TextState]:
    """A block's tokens: those that are certain, those of the tail, and what has been said then."""
    added, text = percept_text(percepts, text)
    certain = list(encode(added)) if added else []
    ending = moment(situation, text) if ending is None else ending
    return certain, list(encode(open_words(text) + ending)), text
