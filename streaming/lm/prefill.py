"""Streaming prefill: the cache follows a text that grows and is revised, so that at its end little is left to compute.

Stream2LLM (arXiv 2604.16395) names two ways: *append* to what is there; *update*: keep the longest common prefix of
what is there and what is wanted, and compute the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duplex.streaming.lm.cache_policy import CachePolicy
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache

LEAST = 32
"""Entries behind a gap that are worth moving; fewer are computed again."""


def common_prefix(first: Sequence[int] | np.ndarray, second: Sequence[int] | np.ndarray) -> int:
    """Length of what both begin with."""
    count = min(len(first), len(second))
    different = np.flatnonzero(np.asarray(first[:count]) != np.asarray(second[:count]))
    return int(different[0]) if len(different) else count


def reuse(cache: KVCache, wanted: Sequence[int]) -> int:
    """Cut `cache` back to what can stand in for the beginning of `wanted`; returns its length.

    At least one token is left to compute unless the cache holds exactly `wanted` and its logits: they come from there.
    """
    shared = common_prefix(cache.ids, wanted)
    if shared == len(wanted) and not (len(cache) == shared and cache.logits is not None):
        shared -= 1
    cache.crop(max(0, shared))
    return max(0, shared)


def close_gap(lm: CausalLM, cache: KVCache, wanted: Sequence[int]) -> int:
    """Evict from `cache` a stretch that `wanted` lacks, as when the oldest messages leave a conversation.

    What comes behind the gap moves up instead of being computed again; it keeps what it took from the evicted part, so
    this is no longer exactly what recomputing gives. Returns the number of entries evicted, 0 where there is no gap.
    """
    shared = common_prefix(cache.ids, wanted)
    if not lm.movable or shared >= min(len(cache), len(wanted)):
        return 0
    rest = np.asarray(wanted[shared:])
    # The wanted entry may come several times: the place that agrees for longest is the one.
    places = np.flatnonzero(cache.ids[shared + 1 :] == rest[0]) + shared + 1
    lengths = [common_prefix(cache.ids[place:], rest) for place in places]
    if not lengths or max(lengths) < LEAST:
        return 0
    place = int(places[int(np.argmax(lengths))])
    lm.keep(cache, np.concatenate([np.arange(shared), np.arange(place, len(cache))]))
    return place - shared


def update(
    lm: CausalLM, cache: KVCache, wanted: Sequence[int], policy: CachePolicy | None = None, *, most: int | None = None
) -> int:
    """Bring `cache` to hold `wanted`, at least one token; at most `most` tokens are computed now.

    Returns how many are left. Equal to computing `wanted` from nothing, with a policy that evicts nothing.
    """
    done = reuse(cache, wanted)
    now = wanted[done:] if most is None else wanted[done : done + most]
    if len(now):
        lm.append(cache, now, policy)
    return len(wanted) - done - len(now)
