"""What a cache keeps when it is full: everything, sinks and a window, what was surprising, or the latest blocks.

A policy has no state: it reads a cache's entries and says which stay. Those move together, to positions 0, 1, 2, …
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from duplex.streaming.errors import SettingsError, StageError
from duplex.streaming.lm.kv_cache import KVCache


class CacheFull(StageError):
    """What is to be appended does not fit, and the policy gives nothing up for it."""


class CachePolicy(Protocol):
    """scored: whether it needs the surprisal of every token, which costs the logits of every token.

    largest: entries that may be appended at once; None if that is not limited.
    """

    @property
    def scored(self) -> bool: ...

    @property
    def largest(self) -> int | None: ...

    def kept(self, cache: KVCache, incoming: int) -> np.ndarray | None:
        """Indices, ascending, of what stays so that `incoming` entries fit; None if all of it does.

        Raises CacheFull if they cannot fit.
        """
        ...

    def end_turn(self, cache: KVCache) -> None:
        """A turn is over."""
        ...


@dataclass(frozen=True, slots=True)
class KeepAll:
    """Nothing is evicted; more than `most` entries are refused."""

    most: int | None = None
    scored: bool = False
    largest: int | None = None

    def kept(self, cache: KVCache, incoming: int) -> np.ndarray | None:
        if self.most is not None and len(cache) + incoming > self.most:
            raise CacheFull(f"the cache holds {len(cache)} of {self.most} entries: {incoming} more do not fit")
        return None

    def end_turn(self, cache: KVCache) -> None:
        pass


@dataclass(frozen=True, slots=True)
class SinksAndWindow:
    """The first `sinks` entries, which models attend to whatever they hold, and the last of a window (StreamingLLM,
    arXiv 2309.17453). What is evicted is gone.

    slack: entries evicted beyond what is needed, so that not every token moves all keys.
    """

    sinks: int = 4
    window: int = 1020
    slack: int = 0
    scored: bool = False

    def __post_init__(self) -> None:
        _check(self.sinks, self.window, self.slack)

    @property
    def largest(self) -> int:
        return self.window - self.slack

    def kept(self, cache: KVCache, incoming: int) -> np.ndarray | None:
        count = len(cache)
        if count + incoming <= self.sinks + self.window:
            return None
        recent = self.window - incoming - self.slack
        _check_incoming(incoming, self.largest)
        return np.concatenate([np.arange(min(self.sinks, count)), np.arange(max(self.sinks, count - recent), count)])

    def end_turn(self, cache: KVCache) -> None:
        pass


@dataclass(frozen=True, slots=True)
class EntropyMemory:
    """Sinks, the `recent` last entries, and of those between the `memory` most surprising (SirLLM, arXiv 2405.12528).

    An entry's score is the negative log-probability that the model gave the token. decay: what scores are multiplied by
    when a turn ends, so that what is old has to have been more surprising to stay. slack: as SinksAndWindow has it.
    """

    sinks: int = 4
    memory: int = 508
    recent: int = 512
    decay: float = 1.0
    slack: int = 0
    scored: bool = True

    def __post_init__(self) -> None:
        _check(self.sinks, self.memory, self.slack)
        if self.recent < 0 or not 0 < self.decay <= 1:
            raise SettingsError(f"recent is at least 0 and decay in (0, 1], not {self.recent} and {self.decay}")

    @property
    def largest(self) -> int:
        return self.memory - self.slack

    def kept(self, cache: KVCache, incoming: int) -> np.ndarray | None:
        count = len(cache)
        if count + incoming <= self.sinks + self.memory + self.recent:
            return None
        _check_incoming(incoming, self.largest)
        first, last = min(self.sinks, count), max(self.sinks, count - self.recent)
        between = np.arange(first, last)
        room = self.memory - incoming - self.slack
        surprising = np.argsort(-cache.scores[between], kind="stable")[:room]
        return np.concatenate([np.arange(first), np.sort(between[surprising]), np.arange(last, count)])

    def end_turn(self, cache: KVCache) -> None:
        cache.scores = cache.scores * np.float32(self.decay)


@dataclass(frozen=True, slots=True)
class WholeBlocks:
    """The first `prefix` entries (a system prompt) and as many of the latest blocks as fit into `most` entries.

    A block (`KVCache.begin_block`: a stretch of audio, a message) is evicted whole or not at all; the open one stays.
    """

    prefix: int = 4
    most: int = 1024
    scored: bool = False

    def __post_init__(self) -> None:
        _check(self.prefix, self.most - self.prefix, 0)

    @property
    def largest(self) -> int:
        return self.most - self.prefix

    def kept(self, cache: KVCache, incoming: int) -> np.ndarray | None:
        surplus = len(cache) + incoming - self.most
        if surplus <= 0:
            return None
        numbers, sizes = np.unique(cache.blocks[self.prefix :], return_counts=True)
        closed = numbers != cache.block
        enough = np.flatnonzero(np.cumsum(sizes[closed]) >= surplus)
        if not len(enough):
            raise CacheFull(
                f"the open block of {sizes[~closed].sum()} entries and {incoming} more do not fit into {self.most}"
            )
        gone = numbers[closed][: enough[0] + 1]
        stays = ~np.isin(cache.blocks, gone)
        stays[: self.prefix] = True
        return np.flatnonzero(stays)

    def end_turn(self, cache: KVCache) -> None:
        pass


def _check(first: int, window: int, slack: int) -> None:
    if first < 0 or window < 1 or not 0 <= slack < window:
        raise SettingsError(f"a cache of {first} first and {window} other entries cannot have a slack of {slack}")


def _check_incoming(incoming: int, largest: int) -> None:
    if incoming > largest:
        raise CacheFull(f"{incoming} entries at once do not fit: at most {largest} do")
