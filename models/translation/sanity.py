"""What any translator's answer is held against: loops of repetitions, more words than a translation can have, numbers
that were not in the source; and endless repetitions in the source itself."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .contract import Translation
from .search import allowed_repeats, limit, loop_start

PHRASE = 6
"""Words of a phrase whose repetitions are looked for."""
RUN = 5
"""Repetitions that may be meant, as in a telephone number; of more, ..."""
KEPT = 3
"""...so many stay: the first ones and, for its punctuation, the last."""
_LONG_NUMBER = re.compile(r"\d{3,}")


def checked(text: str, said: str, source: str, target: str, quality: float = 1.0, least: float = 0.0) -> Translation:
    """The translation of `said`, cut where it runs wild. quality: as the translator sees it; hopeless below `least`, if
    it is cut, and if nothing is left."""
    words, spoken = text.split(), said.split()
    numbers = {word: number for number, word in enumerate(dict.fromkeys([*spoken, *words]))}
    kept = _within([numbers[word] for word in words], [numbers[word] for word in spoken])
    complete = kept == len(words)
    text = " ".join(words[:kept])
    if not complete or not keeps_numbers(text, said):
        quality /= 2
    hopeless = quality < least or not complete or not text
    return Translation(text, source, target, quality, hopeless, complete=complete)


def keeps_numbers(text: str, said: str) -> bool:
    """Whether the numbers of three digits and more are those of the source."""
    return sorted(set(_LONG_NUMBER.findall(text))) == sorted(set(_LONG_NUMBER.findall(said)))


def _within(words: list[int], spoken: list[int]) -> int:
    """How many of the words to keep."""
    allowed, most = allowed_repeats(spoken), limit(spoken)
    for count in range(1, min(len(words), most) + 1):
        cut = loop_start(words[:count], allowed)
        if cut is not None:
            return cut
    return min(len(words), most)


def without_endless_repetition(words: Sequence[str]) -> list[int]:
    """The numbers of the words that stay where a thing is said over and over again: sixty times "very" is said as well
    with three. Children, jokers and recognizers that have lost the thread do it; a translator, which has never seen it,
    would take long over it and lose the thread as well."""
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
