"""Streamed text → pieces to be spoken, as early as can be, in every script.

A sentence is handed on when the character after it shows that it is over ("3." may become "3.5"). So that the first
sound comes early, a long first sentence is cut at a clause. Blocks of code and formulas stay in one piece. The pieces
together are the text, character by character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from duplex.models.interaction.spoken_text import speakable
from duplex.models.turn_taking.word_lists import word_set

__all__ = ["FIRST_CLAUSE", "LONGEST", "SentenceSplitter", "speakable"]

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
_CLOSING = "\"'”’»)\\]*_」』）】》〉›"
_WIDE = "。！？｡．"
"""Ends of sentences in scripts that put no space after them."""
_SPACED = ".!?…؟۔।॥։።፧፨។៕။჻"
_END = re.compile(
    rf"[{_SPACED}{_WIDE}]*[{_WIDE}][{_SPACED}{_WIDE}]*[{_CLOSING}]*(?=[^{_SPACED}{_WIDE}{_CLOSING}])|"
    rf"[؟۔।॥።፧፨។៕။]+[{_CLOSING}]*(?=[^؟۔।॥።፧፨។៕။{_CLOSING}])|[{_SPACED}]+[{_CLOSING}]*(?=\s)|\n"
    rf"|(?<=[\u0370-\u03ff\u1f00-\u1fff]);[{_CLOSING}]*(?=\s)"  # Greek asks with a semicolon
    r"|(?<=[\u0e00-\u0eff]) (?=[\u0e00-\u0eff])"  # Thai and Lao end a sentence with a space
)
_CLAUSE = re.compile(rf"(?:[,;:،؛፣፤၊]|\s[–—-]|[–—])[{_CLOSING}]*(?=\s)|[，、；：][{_CLOSING}]*(?=[^{_CLOSING}])")
_OPENING = "\"'“‘«([*_「『（【《"
_OPENED = (
    (re.compile(r"^[ \t]*(```+|~~~+)", re.MULTILINE), 8000),
    (re.compile(r"\\\[|\$\$"), 600),
)
"""What opens a block that stays in one piece, and after how many characters it is cut all the same."""
_LONGEST_ADDRESS = 4000


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
        blocks = _blocks(held)
        for match in _END.finditer(held):
            if not held[: match.start()].strip() or (
                "\n" not in match[0] and not re.search(r"\w", held[: match.start()])
            ):
                continue
            if match[0] == " " and match.start() < self.first_clause:
                continue  # between short Thai phrases
            block = next((block for block in blocks if block[0] <= match.start() and match.end() <= block[1]), None)
            if block is not None:
                if block[2]:
                    continue
                return None
            verdict = _ends_sentence(held, match)
            if verdict is None:
                break
            if verdict:
                return match.end()
        if blocks and not blocks[-1][2]:
            return None
        if not self._spoken:
            for match in _CLAUSE.finditer(held, self.first_clause):
                return match.end()
        if len(held) > self.longest:
            clauses = [
                match.end() for match in _CLAUSE.finditer(held, 0, self.longest) if match.end() > self.longest // 3
            ]
            space = held.rfind(" ", 1, self.longest)
            if clauses or space > 0:
                return clauses[-1] if clauses else space
            if re.match(r"\s*\S{0,9}(?:[a-z]+://|www\.|data:)", held) and len(held) < _LONGEST_ADDRESS:
                end = re.search(r"\S(?=\s)", held)
                return end.end() if end else None
            return self.longest
        return None


def _blocks(text: str) -> list[tuple[int, int, bool]]:
    """(start, end, whether it is closed) of the blocks of code and the set-off formulas in `text`."""
    found, at = [], 0
    while True:
        openings = [(match, longest) for mark, longest in _OPENED if (match := mark.search(text, at))]
        if not openings:
            return found
        opening, longest = min(openings, key=lambda pair: pair[0].start())
        if opening.lastindex:
            closing = re.compile(rf"^[ \t]*{re.escape(opening[1])}[ \t]*(?=\n)", re.MULTILINE).search(
                text, opening.end()
            )
        else:
            closing = re.compile(r"\$\$" if opening[0] == "$$" else r"\\\]").search(text, opening.end())
        end = closing.end() if closing else len(text)
        if not closing and end - opening.start() > longest:
            return found
        found.append((opening.start(), end, closing is not None))
        at = end


def _ends_sentence(text: str, match: re.Match[str]) -> bool | None:
    """Whether the stop in `match` ends a sentence; None if the text to come must tell."""
    mark = match[0]
    if "\n" in mark or mark == " ":
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
