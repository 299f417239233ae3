"""Requests of which one word was misheard: "flick a coin" for "flip a coin".

A word is put in the place of another that sounds like it, or that recognizers are known to take for it, and the turn is
looked at again. What comes of that is believed only if nothing of the turn is left over then (`understanding`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from duplex.models.interaction.skills.numbers import NUMBER_WORDS
from duplex.models.interaction.skills.patterns import Cue, Gist, Template
from duplex.models.interaction.skills.phonetic_match import likeness, sounds
from duplex.models.interaction.skills.skill import Skill

LIKE = 0.45
"""Likeness of two words from which one may have been taken for the other, where nothing else of a request is amiss."""
KNOWN = 0.75
"""That of a pair which is known to be confused."""
LEAST_LETTERS = 3
LEAST_WORDS, MOST_WORDS = 4, 14
"""Words of a turn: fewer are too easily hit by chance, more are no short request."""
MOST_TRIED = 6
_SHORT = {
    "and": ("add", "an"),
    "at": ("add",),
    "had": ("add",),
    "have": ("add",),
    "in": ("an",),
    "on": ("an",),
    "one": ("when",),
    "where": ("when",),
    "they": ("day",),
    "may": ("day",),
    "bread": ("read",),
    "red": ("read",),
    "that": ("get",),
    "god": ("got",),
    "now": ("how",),
    "but": ("put",),
    "this": ("is",),
    "to": ("two",),
    "free": ("three",),
    "value": ("volume",),
    "our": ("are",),
    "his": ("is",),
    "their": ("there",),
}
"""Short words, of which sounds tell little, with those that Moonshine tiny took for them at least four times in 18,000
sentences of synthetic voices, and their like."""


def repairs(words: Sequence[str], skills: Sequence[Skill]) -> Iterator[str]:
    """What a turn of these words, without politeness around them, may have been but for one of them, likeliest first.

    Only what makes a wording possible is tried: one that lacks a single word of those that it needs, which is put in
    the place of the word that sounds most like it.
    """
    if not LEAST_WORDS <= len(words) <= MOST_WORDS:
        return
    texts = frozenset(words)
    found: dict[str, float] = {}
    for skill in skills:
        for wording, _ in skill._intents:
            lacking = [group for group in wording.required if texts.isdisjoint(group)]
            if isinstance(wording, Cue) or len(lacking) != 1 or len(wording.required) < _least_groups(wording):
                continue
            for place, meant, like in _replaced(words, lacking[0], wording):
                changed = [*words[:place], meant, *words[place + 1 :]]
                if wording.may_match(Gist(frozenset(changed), len(changed), changed[0], changed[-1])):
                    found[" ".join(changed)] = like
    yield from sorted(found, key=lambda text: (-found[text], text))[:MOST_TRIED]


def _least_groups(wording: Template) -> int:
    """A slot takes any words, so that the rest of the wording has to say more."""
    return 3 if "{" in wording.template else 2


def _replaced(words: Sequence[str], group: frozenset[str], wording: Template) -> Iterator[tuple[int, str, float]]:
    """(place, word of the group, likeness) of each word that may have been one of the group."""
    needed = frozenset().union(*wording.required)
    for place, word in enumerate(words):
        if word in needed or word in NUMBER_WORDS or word.isdecimal():
            continue
        for meant in group:
            if (like := _likeness(word, meant)) >= LIKE:
                yield place, meant, like


@lru_cache(maxsize=8192)
def _likeness(word: str, meant: str) -> float:
    if meant in _SHORT.get(word, ()):
        return KNOWN
    return likeness(sounds([word]), sounds([meant])) if min(len(word), len(meant)) >= LEAST_LETTERS else 0.0
