"""Simultaneous translation: when to read on, and what to write, word by word.

A policy computes no translation. It is asked with what has been heard (`read`), says what it wants translated, and is
given that (`write`). So the same policy runs on a loop, in a file and in a benchmark, with any translator.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Wanted:
    """A translation that a policy wants. begin: words of it that must stay. partial: more of the source will follow.
    draft: an earlier translation to start from, which need not stay."""

    source: tuple[str, ...]
    begin: tuple[str, ...] = ()
    partial: bool = True
    draft: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Written:
    """The translation that is shown; words[:stable] will never be taken back."""

    words: tuple[str, ...] = ()
    stable: int = 0


class Policy(Protocol):
    """A policy with its state, for one segment of speech.

    revises: what it has written may change; if not, each `Written` begins with the words of the one before.
    """

    @property
    def revises(self) -> bool: ...

    def read(self, source: Sequence[str], final: bool = False) -> Wanted | None:
        """source: the whole segment as it is heard now, whose end may have changed. final: nothing will follow.

        None: read on. After a `write` it may be asked again with the same words, until it returns None.
        """
        ...

    def write(self, words: Sequence[str], alignment: Sequence[int] = ()) -> Written:
        """The translation that was wanted last, from its first word. alignment: for each word the number of the source
        word that it was made from, where the translator knows."""
        ...


Translate = Callable[[Wanted], tuple[Sequence[str], Sequence[int]]]
"""Words of a translation and their alignment, which may be empty."""


def advance(policy: Policy, source: Sequence[str], final: bool, translate: Translate) -> Written | None:
    """Reads `source` and writes all that the policy wants to; None if that is nothing."""
    written = None
    while (wanted := policy.read(source, final)) is not None:
        written = policy.write(*translate(wanted))
    return written


def beyond(committed: Sequence[str], words: Sequence[str]) -> tuple[str, ...]:
    """What of a translation comes after the words that are committed, also if it does not begin with them."""
    return tuple(words[len(committed) :])


def common_prefix(first: Sequence[str], second: Sequence[str]) -> int:
    """Words that both begin with."""
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count
