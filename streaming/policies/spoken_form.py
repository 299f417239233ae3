"""What words say, however they are written: "twenty-three dollars", "Twenty three dollars," and "$23" are the same.

A recognizer that hears an utterance again may write it another way. So hypotheses are compared, and joined, by the
letters of what is said.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate

from duplex.streaming.policies.hypothesis import Word

Spelling = Callable[[str], str]
"""A written word as it is said: "$23" as "twenty-three dollars"."""

_BETWEEN = re.compile(r"[\s\-\u2010-\u2015/\u2026]+|\.{2,}")
_KEPT = re.compile(r"(?<=\d)[.:/](?=\d)|[\w'%$€£+&@#]")
_ENDING = 4  # letters: less than that behind a known word is an ending of it and no word of its own


def comparable(text: str) -> str:
    """A word's text without case and punctuation: "Well," and "well" are the same word, "23.50" and "2350" are not."""
    return "".join(_KEPT.findall(text.casefold().replace("\u2019", "'").replace("_", ""))) or text


def as_written(text: str) -> str:
    """The spelling of whom nobody has told how words are said."""
    return text


@dataclass(frozen=True, slots=True)
class Unit:
    """A spoken word. letters: its letters and digits, in lower case. word: the place of the written one that says it.
    start, end: samples, its share by letters of those of the written word."""

    text: str
    letters: str
    word: int
    start: float
    end: float


class Spoken:
    """Written words with the units that they say. letters: of all, in a row; ends: where in it each unit ends."""

    def __init__(self, words: Sequence[Word], spelling: Spelling) -> None:
        self.words = tuple(words)
        self.units = [unit for place, word in enumerate(self.words) for unit in _units(place, word, spelling)]
        self.letters = "".join(unit.letters for unit in self.units)
        self.ends = [0, *accumulate(len(unit.letters) for unit in self.units)]

    def whole(self, letters: int) -> int:
        """How many written words end within so many letters."""
        count = bisect_left(self.ends, letters + 1) - 1
        return self.units[count].word if count < len(self.units) else len(self.words)

    def behind(self, letters: int) -> tuple[Word, ...]:
        """What follows so many letters. Of a word of which a part follows, that part is written as it is said."""
        first = bisect_left(self.ends, letters + 1) - 1
        if first >= len(self.units):
            return ()
        cut, word = letters - self.ends[first], self.units[first].word
        if not cut and (first == 0 or self.units[first - 1].word != word):
            return self.words[word:]
        rest = [unit for unit in self.units[first:] if unit.word == word]
        texts = [unit.text for unit in rest]
        if cut:
            texts[0] = rest[0].letters[cut:]
        written = self.words[word]
        texts[-1] = texts[-1].rstrip(".,;:!?") + written.text[len(written.text.rstrip(".,;:!?")) :]
        begins = [unit.start + (unit.end - unit.start) * cut / len(unit.letters) for unit in rest[:1]]
        begins += [unit.start for unit in rest[1:]]
        parts = [
            Word(text, round(start), round(unit.end), written.confidence)
            for text, start, unit in zip(texts, begins, rest, strict=True)
        ]
        return (*parts, *self.words[word + 1 :])

    def cuts(self) -> list[int]:
        """The places in the letters where known words may end: between units, and in a unit that has another in it."""
        inner = [
            place
            for index, unit in enumerate(self.units)
            for place in range(self.ends[index] + 2, self.ends[index] + len(unit.letters) - _ENDING + 1)
        ]
        return sorted({*self.ends, *inner})


def agreed(hypotheses: Sequence[Spoken]) -> int:
    """How many letters the hypotheses begin with alike, up to a place where in all of them a unit ends."""
    shared = min(len(each.letters) for each in hypotheses)
    first = hypotheses[0].letters
    for other in hypotheses[1:]:
        shared = next((n for n in range(shared) if first[n] != other.letters[n]), shared)
    common = set(hypotheses[0].ends).intersection(*(each.ends for each in hypotheses[1:]))
    return max(place for place in common if place <= shared)


def _units(place: int, word: Word, spelling: Spelling) -> list[Unit]:
    parts = [(part, _letters(part)) for part in _BETWEEN.split(spelling(word.text))]
    parts = [(part, letters) for part, letters in parts if letters] or [(word.text, word.text or " ")]
    edges = [0, *accumulate(len(letters) for _, letters in parts)]
    size = (word.end - word.start) / edges[-1]
    return [
        Unit(part, letters, place, word.start + size * edges[index], word.start + size * edges[index + 1])
        for index, (part, letters) in enumerate(parts)
    ]


def _letters(text: str) -> str:
    return "".join(letter for letter in text.casefold() if letter.isalnum())
