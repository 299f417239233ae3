"""Names and numbers that the network spelt wrong are put right from the source.

A word of the source that the vocabulary has only in pieces (a rare name, a long number) is expected in the translation
as it is. If it is missing and the translation has a word like it that the source has not, that one is replaced. If it
is missing altogether, the sentence is translated once more with a name in its place that the network has seen often.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from .vocabulary import Vocabulary

PIECES = 3
"""Subwords from which a capitalised word counts as rare, and digits from which a number counts as long."""
ALIKE = 0.55
"""Share of letters that a misspelt name has in common with the right one at least."""
STAND_INS = ("Tom", "John", "Peter")
"""Names that the network has seen often, and that are the same in both languages."""
_WORD = re.compile(r"[^\W\d_][\w'-]*|\d+")


def repaired(translation: str, source: str, vocabulary: Vocabulary) -> str:
    """The translation with the source's rare names and long numbers."""
    found, said = _WORD.findall(translation), set(_WORD.findall(source))
    for word in dict.fromkeys(_rare(source, vocabulary)):
        if _holds(translation, word):
            continue
        others = [other for other in found if other not in said and _same_kind(word, other)]
        scored = [(SequenceMatcher(None, word, other, autojunk=False).ratio(), other) for other in others]
        ratio, nearest = max(scored, default=(0.0, ""))
        if ratio >= ALIKE:
            translation = _whole(nearest).sub(lambda _, w=word: w, translation, count=1)
            found = _WORD.findall(translation)
    return translation


def lost_names(translation: str, source: str, vocabulary: Vocabulary) -> list[str]:
    """Rare names of an English text that its translation lacks; in German every noun looks like a name."""
    rare = [word for word in dict.fromkeys(_rare(source, vocabulary)) if not word.isdigit()]
    return [word for word in rare if not _holds(translation, word)]


def with_stand_ins(text: str, names: list[str]) -> tuple[str, dict[str, str]] | None:
    """The text with other names, and which name each stands for; None where there are not enough."""
    free = [name for name in STAND_INS if not _holds(text, name)]
    if len(free) < len(names):
        return None
    chosen = dict(zip(free, names, strict=False))
    for other, name in chosen.items():
        text = _whole(name).sub(other, text)
    return text, chosen


def named_again(translation: str, chosen: dict[str, str]) -> str | None:
    """The translation with the names that its stand-ins stand for; None where one of them was lost, too."""
    for other, name in chosen.items():
        translation, count = _whole(other).subn(lambda _, n=name: n, translation)
        if not count:
            return None
    return translation


def _whole(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")


def _holds(text: str, word: str) -> bool:
    return _whole(word).search(text) is not None


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
