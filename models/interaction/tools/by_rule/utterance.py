"""A turn as a tool's arguments are found in it: plain words with their places, and which of them are accounted for."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import TypeVar

from duplex.models.interaction.skills.subjects import stem
from duplex.models.interaction.skills.understanding import bare
from duplex.models.interaction.skills.words import sentences
from duplex.models.turn_taking.word_lists import word_set

T = TypeVar("T")

ARTICLES = word_set("a an the my our your this that some any")
PREPOSITIONS = word_set(
    "in at to for of from with about on into by named called titled labeled saying regarding near as"
)
EMPTY = (
    ARTICLES
    | PREPOSITIONS
    | word_set(
        "i you me we us it he she they is are was were be do does did have has had will would can could should what "
        "which who whose when where how why much many and or so then there here now just please up down out now "
        "today tonight right currently again long like going"
    )
)
"""Words that say nothing of what is wanted."""
LONGEST_SPAN = 8
_AFTER = word_set("and then today now tonight right currently again")
"""What stands behind a phrase without being of it."""
_QUOTED = re.compile(r"[\"“”‘](.+?)[\"“”’]")


class Utterance:
    """text: the turn as it was said. now: the time of day, for "tomorrow at six".

    texts: its plain words without politeness around them. used: which of them are accounted for.
    """

    def __init__(self, text: str, now: datetime) -> None:
        self.source = text
        self.now = now
        words = tuple(word for sentence in sentences(text) for word in sentence)
        self.words = bare(words) if words else ()
        self.texts = [word.text for word in self.words]
        self.stems = [stem(word) for word in self.texts]
        self.used = [False] * len(self.texts)

    def use(self, start: int, end: int) -> None:
        self.used[start:end] = [True] * (end - start)

    def quote(self, start: int, end: int) -> str:
        """What was said from one word to another, without the punctuation at its ends."""
        while start < end - 1 and self.texts[start] in ARTICLES:
            start += 1
        return self.source[self.words[start].start : self.words[end - 1].end].strip(" \t.,;:!?\"'“”")

    def free(self, start: int, end: int) -> bool:
        return not any(self.used[start:end])

    def take(self, parse: Callable[[Sequence[str]], T | None], longest: int = LONGEST_SPAN) -> T | None:
        """The value of the longest run of free words that `parse` makes one of; they are accounted for then."""
        for length in range(min(longest, len(self.texts)), 0, -1):
            for start in range(len(self.texts) - length + 1):
                if self.free(start, start + length):
                    value = parse(self.texts[start : start + length])
                    if value is not None:
                        self.use(start, start + length)
                        return value
        return None

    def phrase_after(
        self, openings: Collection[str], *, to_end: bool = False, parse: Callable[[Sequence[str]], object] | None = None
    ) -> tuple[int, int] | None:
        """The words after the first of `openings`, up to the next preposition or accounted word, or all to the end;
        parse: only what it makes something of."""
        for place, text in enumerate(self.texts[:-1]):
            if text not in openings or self.used[place]:
                continue
            start = end = place + 1
            while end < len(self.texts) and not self.used[end] and (to_end or self.texts[end] not in PREPOSITIONS):
                end += 1
            if not to_end:
                while end > start and self.texts[end - 1] in _AFTER:
                    end -= 1
            if parse is not None and not parse(self.texts[start:end]):
                continue
            if any(word not in ARTICLES for word in self.texts[start:end]):
                return start, end
        return None

    def quoted(self) -> tuple[int, int] | None:
        """The words that stand in quotation marks."""
        for match in _QUOTED.finditer(self.source):
            inside = [place for place, word in enumerate(self.words) if match.start() <= word.start < match.end()]
            if inside and self.free(inside[0], inside[-1] + 1):
                return inside[0], inside[-1] + 1
        return None

    def beside(self, place: int) -> tuple[int, int] | None:
        """The free words with meaning directly before words[place] ("kitchen light"), or directly after, to the end."""
        start = place
        while start and self._telling(start - 1):
            start -= 1
        if start < place:
            return start, place
        end = place + 1
        while end < len(self.texts) and not self.used[end] and self.texts[end] not in EMPTY:
            end += 1
        return (place + 1, end) if end == len(self.texts) and end > place + 1 else None

    def rest(self, *, trimmed: bool = True) -> tuple[int, int] | None:
        """The last run of free words; trimmed: that begins and ends with one that has a meaning."""
        end = len(self.texts)
        while end and (self.used[end - 1] if not trimmed else not self._telling(end - 1)):
            end -= 1
        start = end
        while start and not self.used[start - 1]:
            start -= 1
        while trimmed and start < end and not self._telling(start):
            start += 1
        return (start, end) if start < end else None

    def unexplained(self) -> list[str]:
        """The words with a meaning that nothing accounts for."""
        return [text for place, text in enumerate(self.texts) if self._telling(place)]

    def _telling(self, place: int) -> bool:
        return not self.used[place] and self.texts[place] not in EMPTY
