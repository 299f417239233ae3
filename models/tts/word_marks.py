"""From a synthesizer's events to word marks: which characters of the text are audible at which samples.

A mark covers a word with the punctuation attached to it. A word the voice swallows into its neighbour ("out of"), and
a token that is not spoken ("-"), belong to the mark before it, so the marks of a text together cover all of it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from duplex.models.tts.contract import WordMark

QUIET = 1e-3
"""Samples below this level count as the pause after a clause, not as its last word."""

_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "IDEOGRAPHIC", "FULLWIDTH", "THAI", "LAO", "KHMER", "MYANMAR")


def _unspaced(character: str) -> bool:
    """True in scripts that put no space between words; there every event of the voice begins a mark."""
    return unicodedata.name(character, "").startswith(_UNSPACED)


def covering(
    spans: Sequence[tuple[int, int]], places: Mapping[int, tuple[int, int]], piece: tuple[int, int]
) -> list[WordMark]:
    """The marks of a piece of text. spans: (start, end) of its words; places: (start, end) in samples of those that
    have a sound of their own, by number. A word without one goes with the word before, or the first with the one after;
    together they cover the piece."""
    marks: list[WordMark] = []
    spoken = sorted(places)
    for number, word in enumerate(spoken):
        left = piece[0] if number == 0 else spans[word][0]
        right = piece[1] if number == len(spoken) - 1 else spans[spoken[number + 1] - 1][1]
        marks.append(WordMark(left, right, *places[word]))
    return marks


class WordMarker:
    """Builds the marks of text[start:end], a piece of a text whose speech begins at sample `offset`.

    Feed it the buffers of the piece in order. Events name characters counted from 1 at `start`.
    """

    def __init__(self, text: str, start: int, end: int, offset: int) -> None:
        self._text = text
        self._start = start  # of the first word: pieces begin with no white space
        self._end = start + len(text[start:end].rstrip())
        self._offset = offset
        self._open: WordMark | None = None
        self._closed = False
        self._last_sound = offset

    def feed(self, at: int, samples: np.ndarray, words: list[tuple[int, int]], clauses: list[int]) -> list[WordMark]:
        """at: the buffer's first sample; samples: (n,). words: (character, sample) of each word that begins, clauses:
        sample of each clause that ends; samples counted from the piece's start. Returns marks in order of text."""
        loud = at + np.flatnonzero(np.abs(samples) > QUIET)
        marks: list[WordMark] = []
        for sample, character in sorted([(s, c) for c, s in words] + [(s, 0) for s in clauses]):
            place = self._offset + sample
            before = int(np.searchsorted(loud, place))
            if before:
                self._last_sound = int(loud[before - 1]) + 1
            if character:
                self._word(self._unit(character), place, marks)
            else:
                self._close(self._last_sound, marks)
        if len(loud):
            self._last_sound = int(loud[-1]) + 1
        if self._open is not None and not self._closed:
            # Its end is not known yet: so far it reaches to the end of the buffer.
            self._put(marks, replace(self._open, end=at + len(samples)))
        return marks

    def finish(self) -> list[WordMark]:
        """The last word again, with its end, and with whatever unspoken text follows it."""
        marks: list[WordMark] = []
        if self._open is not None:
            self._open = replace(self._open, text_end=self._end)
            self._close(self._last_sound, marks)
        return marks

    def _unit(self, character: int) -> int:
        """The place in the text at which the word begins that the event's character lies in."""
        place = min(max(self._start + character - 1, self._start), self._end - 1)
        while place > self._start and self._text[place].isspace():
            place -= 1
        while place > self._start and not self._parts(place):
            place -= 1
        return place

    def _parts(self, place: int) -> bool:
        """True if a word begins at this character."""
        before, here = self._text[place - 1], self._text[place]
        return before.isspace() or _unspaced(before) or _unspaced(here)

    def _word(self, unit: int, place: int, marks: list[WordMark]) -> None:
        if self._open is None:
            unit = self._start
        elif unit <= self._open.text_start:  # a further part of the same word, such as the digits of a number
            self._closed = False
            return
        else:
            before = self._start + len(self._text[self._start : unit].rstrip())
            self._open = replace(self._open, text_end=before)
            self._close(self._open.end if self._closed else place, marks)
        self._open = WordMark(unit, self._word_end(unit), place, place)
        self._closed = False
        marks.append(self._open)

    def _close(self, place: int, marks: list[WordMark]) -> None:
        if self._open is None:
            return
        self._open = replace(self._open, end=max(place, self._open.start))
        self._closed = True
        self._put(marks, self._open)

    @staticmethod
    def _put(marks: list[WordMark], mark: WordMark) -> None:
        if marks and marks[-1].text_start == mark.text_start:
            marks[-1] = mark
        else:
            marks.append(mark)

    def _word_end(self, unit: int) -> int:
        end = unit + 1
        while end < self._end and not self._text[end].isspace() and not self._parts(end):
            end += 1
        return end
