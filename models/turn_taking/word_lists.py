"""Word lists, written as text."""

from __future__ import annotations


def word_set(text: str) -> frozenset[str]:
    """The words of `text`.

    >>> sorted(word_set("uh um"))
    ['uh', 'um']
    """
    return frozenset(text.split())


def phrase_list(text: str) -> tuple[tuple[str, ...], ...]:
    """The phrases of `text`, one after each bar, as tuples of words.

    >>> phrase_list("i see|got it")
    (('i', 'see'), ('got', 'it'))
    """
    return tuple(tuple(phrase.split()) for phrase in text.split("|"))
