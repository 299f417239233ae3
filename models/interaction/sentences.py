"""Streamed text → pieces to be spoken, as early as can be; and what of written text is not for the ear.

A sentence is handed on when the character after it shows that it is over ("3." may become "3.5"). So that the first
sound comes early, a long first sentence is cut at a clause. The pieces together are the text, character by character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from duplex.models.turn_taking.word_lists import word_set

FIRST_CLAUSE = 24
"""Characters after which the first piece may end at a comma, semicolon, colon or dash."""
LONGEST = 240
"""Characters after which any piece is cut at a clause, or failing that at a space."""

_ABBREVIATIONS = word_set(
    "mr mrs ms dr prof sr jr st mt vs nos fig eq vol approx dept est inc ltd co corp gen col sgt capt lt rev hon "
    "e.g i.e cf al jan feb mar apr jun jul aug sep sept oct nov dec"
)
_MAY_END = word_set("etc a.m p.m u.s u.k inc ltd co jr sr d.c ph.d")
"""Abbreviations that also stand at the end of a sentence: what follows decides."""
_END = re.compile(r"[.!?…。！？]+[\"'”’)\]*_]*(?=\s)|\n")
_CLAUSE = re.compile(r"(?:[,;:]|\s[–—-]|[–—])[\"'”’)\]*_]*(?=\s)")
_OPENING = "\"'“‘([*_"


class SentenceSplitter:
    """Feed text with `push` as it comes; `flush` gives what is left at its end."""

    def __init__(self, *, first_clause: int = FIRST_CLAUSE, longest: int = LONGEST) -> None:
        self.first_clause = first_clause
        self.longest = longest
        self._held = ""
        self._spoken = False

    def push(self, text: str) -> list[str]:
        """The pieces that have become complete."""
        self._held += text
        return list(self._pieces())

    def flush(self) -> list[str]:
        """What is left, as the last piece; empty if nothing is. The splitter is as new afterwards."""
        left, self._held, self._spoken = self._held, "", False
        return [left] if left else []

    def _pieces(self) -> Iterator[str]:
        while (end := self._end()) is not None:
            piece, self._held = self._held[:end], self._held[end:]
            self._spoken = self._spoken or bool(speakable(piece))
            yield piece

    def _end(self) -> int | None:
        """Where the next piece ends, None if that cannot be said yet."""
        held = self._held
        for match in _END.finditer(held):
            if not held[: match.start()].strip():
                continue
            verdict = _ends_sentence(held, match)
            if verdict is None:
                break
            if verdict:
                return match.end()
        if not self._spoken:
            for match in _CLAUSE.finditer(held, self.first_clause):
                return match.end()
        if len(held) > self.longest:
            clauses = [
                match.end() for match in _CLAUSE.finditer(held, 0, self.longest) if match.end() > self.longest // 3
            ]
            space = held.rfind(" ", 1, self.longest)
            return clauses[-1] if clauses else space if space > 0 else self.longest
        return None


def _ends_sentence(text: str, match: re.Match[str]) -> bool | None:
    """Whether the stop in `match` ends a sentence; None if the text to come must tell."""
    mark = match[0]
    if "\n" in mark:
        return True
    following = text[match.end() :].lstrip(" \t").lstrip(_OPENING)
    before = re.search(r"[^\s(\[\"“‘]*$", text[: match.start()])
    word = (before[0] if before else "").lower().lstrip("*_")
    line = text[text.rfind("\n", 0, match.start()) + 1 : match.start()].strip(" *_#")
    if mark[0] == "." and not mark.startswith(".."):
        if line.isdigit() and len(line) <= 3:
            return False  # the number of a list's item
        single = len(word) == 1 and word.isalpha() and word != "i"
        if word in _MAY_END:
            return None if not following else following[0].isupper() or following[0] == "\n"
        if word in _ABBREVIATIONS or single or re.fullmatch(r"(?:[a-z]\.)+[a-z]", word):
            return False
        if word == "no":
            return None if not following else not following[0].isdigit()
    if mark.startswith(("..", "…")):
        return None if not following else not following[0].islower()
    return True


_FENCE = re.compile(r"^\s*(?:```|~~~).*$", re.MULTILINE)
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_URL = re.compile(r"https?://(?:www\.)?([^/\s?#)>\]]*[^/\s?#)>\].,;:!])(?:[/?#][^\s)>\]]*[^\s)>\].,;:!?])?")
_TAG = re.compile(r"</?[a-zA-Z][^<>]{0,80}>")
_LINE_LEAD = re.compile(
    r"^[ \t]*(?:#{1,6}[ \t]+|>[ \t]?|[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?|(?:-{3,}|\*{3,}|_{3,}|={3,})[ \t]*$)",
    re.MULTILINE,
)
_STRONG = re.compile(r"\*+|~~|`+|(?<!\w)_+|_+(?!\w)")
_PICTOGRAM = re.compile("[\U0001f000-\U0001faff☀-➿⬀-⯿️‍←-⇿]")
_TABLE_RULE = re.compile(r"^[\s|:+-]*\|[\s|:+-]*$", re.MULTILINE)


def speakable(piece: str) -> str:
    """The piece without what is only for the eye: markdown, addresses, tags, pictograms. May be empty.

    The items of a list and headings get a full stop, so that a synthesizer pauses after them.
    """
    text = _FENCE.sub("", piece)
    text = _LINK.sub(r"\1", text)
    text = _URL.sub(r"\1", text)
    text = _TAG.sub("", text)
    text = _TABLE_RULE.sub("", text)
    if "|" in text and re.search(r"^\s*\|.*\|\s*$", text, re.MULTILINE):
        text = re.sub(r"[ \t]*\|[ \t]*", ", ", re.sub(r"^[ \t]*\||\|[ \t]*$", "", text, flags=re.MULTILINE)).strip(" ")
    text = _LINE_LEAD.sub("", text)
    text = re.sub(r"(?<=\d)\s*\*\s*(?=\d)", " times ", text)
    text = _STRONG.sub("", text)
    text = _PICTOGRAM.sub("", text)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    ended = [line if line[-1] in ".!?…,;:" or last else f"{line}." for line, last in _marked(lines)]
    return re.sub(r"\s+([.,;:!?])", r"\1", " ".join(ended)).strip()


def _marked(lines: list[str]) -> Iterator[tuple[str, bool]]:
    """(line, whether it is the unfinished last one) of the lines with something to say."""
    for place, line in enumerate(lines):
        if re.search(r"\w", line):
            yield line, place == len(lines) - 1
