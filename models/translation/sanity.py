"""What any translator's answer is held against: loops of repetitions, more words than a translation can have, numbers
that were not in the source."""

from __future__ import annotations

import re

from .contract import Translation
from .search import allowed_repeats, limit, loop_start

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
