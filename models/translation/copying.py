"""Names and numbers that the network spelt wrong are put right from the source.

A word of the source that the vocabulary has only in pieces (a rare name, a long number) is expected in the translation
as it is. If it is missing and the translation has a word like it that the source has not, that one is replaced.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from .vocabulary import Vocabulary

PIECES = 3
"""Subwords from which a capitalised word counts as rare, and digits from which a number counts as long."""
ALIKE = 0.55
"""Share of letters that a misspelt name has in common with the right one at least."""
_WORD = re.compile(r"[^\W\d_][\w'-]*|\d+")


def repaired(translation: str, source: str, vocabulary: Vocabulary) -> str:
    """The translation with the source's rare names and long numbers."""
    found, said = _WORD.findall(translation), set(_WORD.findall(source))
    for word in dict.fromkeys(_rare(source, vocabulary)):
        if re.search(rf"(?<!\w){re.escape(word)}(?!\w)", translation):
            continue
        others = [other for other in found if other not in said and _same_kind(word, other)]
        scored = [(SequenceMatcher(None, word, other, autojunk=False).ratio(), other) for other in others]
        ratio, nearest = max(scored, default=(0.0, ""))
        if ratio >= ALIKE:
            translation = re.sub(rf"(?<!\w){re.escape(nearest)}(?!\w)", lambda _, w=word: w, translation, count=1)
            found = _WORD.findall(translation)
    return translation


def _rare(source: str, vocabulary: Vocabulary) -> list[str]:
    """Long numbers, and capitalised words of many subwords that do not open the sentence."""
    return [
        match.group()
        for match in _WORD.finditer(source)
        if len(match.group()) >= PIECES
        and (
            match.group().isdigit()
            or (match.start() > 0 and match.group()[0].isupper() and len(vocabulary.encode(match.group())) >= PIECES)
        )
    ]


def _same_kind(word: str, other: str) -> bool:
    return word.isdigit() == other.isdigit() and word[0].isupper() == other[0].isupper()
