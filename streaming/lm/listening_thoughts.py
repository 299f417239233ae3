"""Thinking while listening (StreamingThinker, arXiv 2510.17238): short thoughts about a turn that is not over.

What is heard is the source of a DualCache, thoughts are its target: a thought sees what had been heard when it began
and the thoughts before it, and what is heard later never sees a thought. So hearing goes on while a thought is written,
and nothing is computed again when the turn ends: the answer goes on behind the thoughts.

In the paper both begin at position 0, and models are tuned to that. Here thoughts stand ROOM positions behind what had
been heard before the first, so that they come after the rest of the turn for a model that was never tuned.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.dual_cache import DualCache
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.prefill import common_prefix

ROOM = 256
"""Positions between what had been heard before the first thought and that thought: the turn may go on for as many."""


@dataclass(frozen=True, slots=True)
class Thinking:
    """How thoughts are written. cue, close: tokens before and after each. ends: whether a token ends the thought; it
    is not part of it. most: tokens of one, without cue and close. thoughts: of one turn."""

    cue: tuple[int, ...]
    close: tuple[int, ...]
    ends: Callable[[int], bool]
    most: int = 16
    thoughts: int = 8

    @property
    def longest(self) -> int:
        """Tokens of all thoughts of a turn."""
        return self.thoughts * (len(self.cue) + self.most + len(self.close))


@dataclass(frozen=True, slots=True)
class _Thought:
    """heard: tokens that it is about. words: of the turn by then. end: entries of the target up to its end."""

    heard: np.ndarray
    words: int
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Writing:
    """The thought under way. source: what it is about. coming: tokens to be appended next. count: tokens written."""

    thought: _Thought
    source: KVCache
    coming: tuple[int, ...]
    count: int = 0
    closing: bool = False


class ListeningThoughts:
    """The thoughts of one turn. It is changed by one thread at a time; `fork` is a snapshot that costs nothing."""

    def __init__(self, manner: Thinking) -> None:
        self.manner = manner
        self.offset = 0
        """Position of the first thought's first token."""
        self._target = KVCache()
        self._done: tuple[_Thought, ...] = ()
        self._writing: _Writing | None = None

    def __len__(self) -> int:
        """Thoughts that are finished, those without a word included."""
        return len(self._done)

    @property
    def ids(self) -> np.ndarray:
        """Tokens of the thoughts, the one under way included."""
        return self._target.ids

    @property
    def writing(self) -> bool:
        return self._writing is not None

    @property
    def words(self) -> int:
        """Words of the turn that the last thought is about."""
        thoughts = [*self._done, *([self._writing.thought] if self._writing else [])]
        return thoughts[-1].words if thoughts else 0

    def fork(self) -> ListeningThoughts:
        other = copy.copy(self)
        other._target = self._target.fork()
        return other

    def fits(self, heard: Sequence[int]) -> bool:
        """Whether every thought is about a beginning of `heard`."""
        about = [*self._done, *([self._writing.thought] if self._writing else [])]
        return all(common_prefix(thought.heard, heard) == len(thought.heard) for thought in about)

    def fit(self, heard: Sequence[int]) -> None:
        """Drop the thoughts about words that have been revised, and those that came after."""
        if not self.fits(heard):
            self._writing = None
            while not self.fits(heard):
                self._done = self._done[:-1]
            self.cut()

    def cut(self) -> None:
        """The thought under way is dropped."""
        self._writing = None
        self._target.crop(self._done[-1].end if self._done else 0)

    def begin(self, source: KVCache, words: int) -> None:
        """A thought about what is in `source`, `words` words of the turn; `step` writes it."""
        if not len(self._target):
            self.offset = len(source) + ROOM
        self._writing = _Writing(_Thought(source.ids, words), source.fork(), self.manner.cue)

    def step(self, lm: CausalLM) -> None:
        """One forward pass on the thought under way: its cue, one of its tokens, or its close. One that ends before it
        has begun leaves no tokens.
        """
        writing = self._writing
        assert writing is not None
        logits = self._dual(writing.source).write(lm, writing.coming)
        if writing.closing:
            self._done = (*self._done, replace(writing.thought, end=len(self._target)))
            self._writing = None
            return
        token = int(logits.argmax())
        if not writing.count and self.manner.ends(token):  # there is nothing to think
            self.cut()
            self._done = (*self._done, replace(writing.thought, end=len(self._target)))
        elif writing.count == self.manner.most or self.manner.ends(token):
            self._writing = replace(writing, coming=self.manner.close, closing=True)
        else:
            self._writing = replace(writing, coming=(token,), count=writing.count + 1)

    def answering(self, lm: CausalLM, source: KVCache, heard: Sequence[int], tail: Sequence[int]) -> KVCache | None:
        """A cache of `heard`, the finished thoughts about it and `tail`, which opens the answer: what the cache
        `source` lacks of `heard` and the tail are computed in one forward pass, as many tokens as without thoughts.

        None if there is no thought, or the turn is so long that it reaches the positions of the thoughts.
        """
        kept = self.fork()
        kept.fit(heard)
        kept.cut()
        if not len(kept.ids) or len(heard) > kept.offset:
            return None
        source = source.fork()
        source.crop(common_prefix(source.ids, heard))
        return kept._dual(source).finish(lm, heard[len(source) :], tail)

    def _dual(self, source: KVCache) -> DualCache:
        dual = DualCache(self.offset)
        dual.source, dual.target = source, self._target
        return dual
