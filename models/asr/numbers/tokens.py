"""What the rules for written numbers stand on: tokens without their punctuation, and the numbers among them.

text2num (MIT; the package `text2num`) reads the numbers themselves; it is asked for runs of number words only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from duplex.streaming.errors import ModelError

_EDGES = re.compile(r"^(?P<lead>[^\w]*)(?P<core>.*?)(?P<trail>[^\w]*)$", re.S)


class Piece(NamedTuple):
    """`text` stands for the words from `start` up to, not with, `end`."""

    start: int
    end: int
    text: str


class Number(NamedTuple):
    """The tokens from `start` to `end`, exclusive; text: as text2num writes it."""

    start: int
    end: int
    text: str
    value: float
    ordinal: bool


@dataclass(frozen=True, slots=True)
class Token:
    """A word: its core in lower case and the punctuation at its edges."""

    lead: str
    core: str
    trail: str


class _Read:
    """A token as text2num asks for it."""

    def __init__(self, core: str) -> None:
        self._core = core

    def text(self) -> str:
        return self._core

    def nt_separated(self, previous: _Read) -> bool:
        return False

    def not_a_number_part(self) -> bool:
        return False


def tokens(texts: Sequence[str]) -> list[Token]:
    found = []
    for text in texts:
        match = _EDGES.match(text)
        lead, core, trail = match.groups() if match else ("", text, "")
        found.append(Token(lead, core.lower(), trail))
    return found


def joined(words: Sequence[Token], start: int, end: int) -> bool:
    """No punctuation stands between the words from start to end, exclusive."""
    return (
        end <= len(words)
        and not any(w.trail for w in words[start : end - 1])
        and not any(w.lead for w in words[start + 1 : end])
    )


def piece(words: Sequence[Token], start: int, end: int, text: str) -> Piece:
    """The words as `text`, with the punctuation that stood before the first and after the last."""
    return Piece(start, end, f"{words[start].lead}{text}{words[end - 1].trail}")


def read_numbers(cores: Sequence[str], language: str, offset: int) -> list[Number]:
    """The numbers among number words; `offset` is added to their places. Raises ModelError without text2num."""
    find = _reader()
    return [
        Number(offset + found.start, offset + found.end, found.text, found.value, found.is_ordinal)
        for found in find([_Read(core) for core in cores], language, threshold=0)
    ]


def _reader() -> Callable[..., list]:
    try:
        from text_to_num import find_numbers
    except ImportError:
        raise ModelError("written numbers need the package text2num: pip install 'duplex[numbers]'") from None
    return find_numbers


def check_reader() -> None:
    """Raises ModelError, in one line, if text2num is not installed."""
    _reader()


def grouped(value: float, mark: str, least: int = 10_000) -> str:
    """A whole number with `mark` between thousands from `least` on: below, it might be a year."""
    whole = int(value)
    return f"{whole:,}".replace(",", mark) if whole >= least else str(whole)
