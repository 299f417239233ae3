"""Long text in pieces that a translator of sentences can do: at sentence ends, then at clauses, then anywhere."""

from __future__ import annotations

import re

LONGEST = 36
"""Words of a piece."""


def _set(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ABBREVIATIONS = _set(
    "mr mrs ms dr prof st vs etc e.g i.e z.b d.h u.a bzw usw nr ca evtl ggf inkl str tel vgl hr fr jr sr no"
)
_OPENERS = _set(
    "and but so because when while although if that which who or then since before after until und aber denn weil "
    "wenn während obwohl ob dass die der das oder dann seit bevor nachdem bis sondern"
)


def sentences(text: str) -> list[str]:
    """Sentences of a text; abbreviations, ordinals and single letters end none."""
    words, found, current = text.split(), [], []
    for word in words[:-1]:
        current.append(word)
        if ends_sentence(word):
            found.append(" ".join(current))
            current = []
    return [*found, " ".join([*current, words[-1]])] if words else []


def ends_sentence(word: str) -> bool:
    """Whether a sentence ends with this word, if more words follow it."""
    core = word.rstrip("\"')]")
    if core[-1:] not in tuple(".!?…"):
        return False
    stem = core.rstrip(".").lower().lstrip("\"'([")
    dotted = core.endswith(".") and not core.endswith("..")
    return not (dotted and (stem in _ABBREVIATIONS or len(stem) < 2 or "." in stem or stem.isdigit()))


def opens_clause(word: str) -> bool:
    """Whether this word, as it is written, often opens a clause."""
    return word.lower() in _OPENERS


def pieces(text: str, longest: int = LONGEST) -> list[str]:
    """Sentences, divided where they have more than `longest` words; no piece is empty."""
    return [part for sentence in sentences(text) for part in _divided(sentence.split(), longest)]


def _divided(words: list[str], longest: int) -> list[str]:
    parts = []
    while len(words) > longest:
        cut = _best_cut(words, longest)
        parts.append(" ".join(words[:cut]))
        words = words[cut:]
    return [*parts, " ".join(words)] if words else parts


def _best_cut(words: list[str], longest: int) -> int:
    """After a comma or before a conjunction, as late as possible but not in the first third."""
    places = range(longest, longest // 3, -1)
    for place in places:
        if re.search(r"[,;:]$", words[place - 1]):
            return place
    return next((place for place in places if opens_clause(words[place])), longest)
