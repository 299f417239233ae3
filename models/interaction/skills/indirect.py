"""Indirect questions in the order of direct ones: "(tell me) where my car is" asks "where is my car"."""

from __future__ import annotations

from collections.abc import Iterator

from duplex.models.interaction.skills.words import Word
from duplex.models.turn_taking.word_lists import word_set

LONGEST_QUESTION = 16
"""Words; what is longer is no question that a wording here has."""
LONGEST_OPENING = 4
"""Words of "how many ounces" and its like, before the subject begins."""

_ASKING = word_set("what which where when who how whose")
_VERBS = word_set("is are was were will would has have had does do did can could should")


def direct(words: tuple[Word, ...]) -> Iterator[tuple[Word, ...]]:
    """The questions that `words` are if what they ask with is followed by its subject: the verb is put before that.

    Where the subject begins only the wordings can tell ("how many ounces | one pound has"), so every place is offered,
    the earliest first. Nothing for what is no such question.
    """
    if not words or words[0].text not in _ASKING or not 3 <= len(words) <= LONGEST_QUESTION:
        return
    verb = next((place for place, word in enumerate(words) if word.text in _VERBS), 0)
    for place in range(1, min(verb, LONGEST_OPENING + 1)):
        yield (*words[:place], words[verb], *words[place:verb], *words[verb + 1 :])
