"""Written text → text as it is read aloud, English and German, with the way back to the characters that were written.

Numbers, dates, times, money, units, abbreviations, addresses, paths, code and other scripts become words; pictographs
become nothing. Where rules meet, the earlier one has it. Texts in other languages stay as they are: espeak-ng has rules
of its own for them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace

from duplex.models.tts.contract import SpeechChunk, WordMark
from duplex.models.tts.normalization.rules import LANGUAGES, rules
from duplex.models.tts.normalization.transliteration import foreign, latin

_FOREIGN_WORD = re.compile(r"[^\W\d_]+(?:[’'][^\W\d_]+)*")


@dataclass(frozen=True, slots=True)
class _Replaced:
    """text[start:end] is said as spoken[at:until]."""

    start: int
    end: int
    at: int
    until: int


class SpokenText:
    """text: to be read aloud; written: what it stands for; `original` is the way back."""

    def __init__(self, written: str, replacements: list[tuple[int, int, str]]) -> None:
        self.written = written
        self._replaced: list[_Replaced] = []
        pieces: list[str] = []
        at = place = 0
        for start, end, said in replacements:
            pieces += [written[place:start], said]
            at += start - place
            self._replaced.append(_Replaced(start, end, at, at + len(said)))
            at, place = at + len(said), end
        self.text = "".join([*pieces, written[place:]])
        self._places = [entry.at for entry in self._replaced]
        silent = [entry for entry in self._replaced if entry.at == entry.until]
        self._begin = len(written) - len(written.lstrip())
        """The first word begins here, with what is not said before it."""
        self._said_from = 0
        for entry in silent:
            if not written[self._said_from : entry.start].strip():
                self._said_from = entry.end
        self._silent = silent

    def original(self, start: int, end: int) -> tuple[int, int]:
        """(start, end) in the written text of the spoken text[start:end], end > start; all of what was replaced."""
        left, right = self._back(start)[0], self._back(end - 1)[1]
        for entry in self._silent:  # what is not said goes with the word before it
            if entry.start >= right and not self.written[right : entry.start].strip():
                right = entry.end
        if not self.written[self._said_from : left].strip():
            left = min(left, self._begin)
        return left, right

    def _back(self, place: int) -> tuple[int, int]:
        index = bisect_right(self._places, place) - 1
        while index >= 0 and self._replaced[index].at == self._replaced[index].until:
            index -= 1
        before = self._replaced[index] if index >= 0 else None
        if before is not None and place < before.until:
            return before.start, before.end
        index = bisect_right(self._places, place) - 1
        last = self._replaced[index] if index >= 0 else None
        written = place if last is None else last.end + place - last.until
        return written, written + 1


def normalized(text: str, language: str) -> SpokenText:
    """The text as a voice of that language reads it. Never raises."""
    primary = re.split("[-_]", language.strip().lower())[0]
    if primary not in LANGUAGES:
        return SpokenText(text, [])
    found: list[tuple[int, int, str]] = []
    taken = bytearray(len(text))
    for pattern, said in rules(primary):
        for match in pattern.finditer(text):
            start, end = match.span("part" if "part" in pattern.groupindex else 0)
            if start == end or any(taken[start:end]):
                continue
            words = said(match)
            if words is not None:
                found.append((start, end, _set_apart(text, start, end, words)))
                taken[start:end] = b"\1" * (end - start)
    found += _scripts(text, taken)
    return SpokenText(text, sorted(found))


def _set_apart(text: str, start: int, end: int, words: str) -> str:
    """With a space where the words would join a letter or digit of the text."""
    if words and start and text[start - 1].isalnum() and words[0].isalnum():
        words = f" {words}"
    if words and end < len(text) and text[end].isalnum() and words[-1].isalnum():
        words = f"{words} "
    return words


def _scripts(text: str, taken: bytearray) -> Iterator[tuple[int, int, str]]:
    """Words in other scripts in Latin letters; those that cannot be read so are left out, unless all are such."""
    if not any(foreign(sign) for sign in text):
        return
    words = [word for word in _FOREIGN_WORD.finditer(text) if any(map(foreign, word[0]))]
    readable = any(sign.isalnum() and not foreign(sign) for sign in text) or any(latin(word[0]) for word in words)
    for word in words:
        start, end = word.span()
        said = latin(word[0])
        if not any(taken[start:end]) and (said is not None or readable):
            yield start, end, said or ""


def with_original_marks(chunks: Iterator[SpeechChunk], spoken: SpokenText) -> Generator[SpeechChunk, None, None]:
    """The chunks of `spoken.text`, with marks of the written text: what one written word is said as is one mark."""
    open_: WordMark | None = None
    try:
        for chunk in chunks:
            marks: dict[int, WordMark] = {}
            for mark in chunk.marks:
                start, end = spoken.original(mark.text_start, mark.text_end)
                if open_ is not None and start < open_.text_end:
                    open_ = replace(open_, text_end=max(end, open_.text_end), end=mark.end)
                else:
                    open_ = WordMark(start, end, mark.start, mark.end)
                marks[open_.text_start] = open_
            yield SpeechChunk(chunk.samples, tuple(marks.values()))
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()
