"""Endless repetitions in what is to be translated: "very very very …" sixty times is said as well with three.

Children, jokers and recognizers that have lost the thread make them. A translator, which has never seen one, would take
long over it and lose the thread as well.
"""

from __future__ import annotations

from collections.abc import Sequence

PHRASE = 6
"""Words of a phrase whose repetitions are looked for."""
RUN = 5
"""Repetitions that may be meant, as in a telephone number; of more, ..."""
KEPT = 3
"""...so many stay: the first ones and, for its punctuation, the last."""


def without_endless_repetition(words: Sequence[str]) -> list[int]:
    """The numbers of the words that stay."""
    plain = [word.casefold().strip(".,;:!?…") for word in words]
    kept: list[int] = []
    at = 0
    while at < len(words):
        for size in range(1, PHRASE + 1):
            count = _repetitions(plain, at, size)
            if count > RUN:
                last = at + (count - 1) * size
                kept += [*range(at, at + (KEPT - 1) * size), *range(last, last + size)]
                at = last + size
                break
        else:
            kept.append(at)
            at += 1
    return kept


def _repetitions(words: Sequence[str], at: int, size: int) -> int:
    """How often the phrase of `size` words that begins at `at` comes in a row."""
    phrase, count = words[at : at + size], 1
    while words[at + count * size : at + (count + 1) * size] == phrase:
        count += 1
    return count if len(phrase) == size else 1
