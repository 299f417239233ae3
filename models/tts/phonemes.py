"""Text → phonemes in IPA by espeak-ng, each with the word of the text that it belongs to.

espeak-ng joins words as people do ("of the" → "ʌvðə") and says some as several ("1984"), and does not tell which. Where
the counts differ, the words are pronounced one by one as well and both pronunciations are aligned.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

from duplex.models.tts.espeak import speakable_only
from duplex.models.tts.espeak_library import library

_CLAUSE = re.compile(
    r"(?P<stop>[,;:.!?…]+)[\"'”’»)\]]*(?=\s|$)|(?<=\s)(?P<dash>[-–—]+)(?=\s)|(?P<long>—)|(?P<wide>[，、；：。！？])"
)
_STOPS = {"…": ".", "，": ",", "、": ",", "；": ";", "：": ":", "。": ".", "！": "!", "？": "?"}
_SWITCH = re.compile(r"\([a-z][a-z-]*\)")
"""How espeak-ng shows that it goes on in another language."""
_NO_SOUND = "ˈˌːˑ ̩̯"


@dataclass(frozen=True, slots=True)
class Pronounced:
    """symbols: phonemes, spaces and punctuation; words: of each symbol, the index of its word, −1 between words;
    spans: (start, end) of each word in the text."""

    symbols: list[str]
    words: list[int]
    spans: list[tuple[int, int]]


def pronounce(text: str, start: int, end: int, voice: str) -> Pronounced:
    """The phonemes of text[start:end]. voice: a name of espeak-ng's, empty for voices whose symbols are letters."""
    clauses = list(_clauses(text, start, end))
    spans = [span for span, _ in clauses for span in word_spans(text, *span)]
    symbols: list[str] = []
    words: list[int] = []
    said = library().phonemes([speakable_only(text[a:b]) for (a, b), _ in clauses], voice) if voice else []
    first = 0
    for number, ((a, b), stop) in enumerate(clauses):
        tokens = [text[left:right] for left, right in word_spans(text, a, b)]
        if voice:
            heard = unicodedata.normalize("NFD", " ".join(_SWITCH.sub("", said[number]).split()))
            owners = _owners(tokens, heard, voice)
        else:
            heard, owners = _letters(tokens)
        if heard:
            symbols += heard
            words += [owner if owner < 0 else owner + first for owner in owners]
        if stop and symbols:
            symbols.append(stop)
            words.append(-1)
        if number < len(clauses) - 1 and symbols:
            symbols.append(" ")
            words.append(-1)
        first += len(tokens)
    return Pronounced(symbols, words, spans)


def _clauses(text: str, start: int, end: int) -> Iterator[tuple[tuple[int, int], str]]:
    """((start, end), how it ends) of each clause with a letter or digit in it."""
    at = start
    for found in _CLAUSE.finditer(text, start, end):
        if not any(sign.isalnum() for sign in text[at : found.start()]):
            continue
        yield (at, found.end()), _sign(found)
        at = found.end()
    if any(sign.isalnum() for sign in text[at:end]):
        yield (at, end), ""


def _sign(found: re.Match[str]) -> str:
    """The one sign that a voice knows for what ends a clause."""
    if found["stop"]:
        signs = found["stop"]
        best = next((sign for sign in "?!" if sign in signs), signs[0])
        return _STOPS.get(best, best)
    return _STOPS.get(found["wide"] or "", ",")


def word_spans(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """(start, end) of words and, joined to the word before or the first, of tokens that are not spoken."""
    spans: list[tuple[int, int]] = []
    for token in re.compile(r"\S+").finditer(text, start, end):
        silent = not any(sign.isalnum() for sign in token[0])
        if spans and (silent or not any(sign.isalnum() for sign in text[slice(*spans[-1])])):
            spans[-1] = (spans[-1][0], token.end())
        else:
            spans.append(token.span())
    return spans


def _letters(tokens: list[str]) -> tuple[str, list[int]]:
    heard, owners = "", []
    for number, token in enumerate(tokens):
        letters = unicodedata.normalize("NFD", token.casefold().strip(",;:.!?…"))
        heard += (" " if number else "") + letters
        owners += ([-1] if number else []) + [number] * len(letters)
    return heard, owners


def _owners(tokens: list[str], heard: str, voice: str) -> list[int]:
    """Of each character of `heard` the token it belongs to, −1 for the spaces between words."""
    groups = heard.split(" ")
    if len(groups) == len(tokens):
        owners = [number for number, group in enumerate(groups) for _ in range(len(group) + 1)][: len(heard)]
    else:
        alone = library().phonemes([speakable_only(token) for token in tokens], voice)
        owners = _aligned([unicodedata.normalize("NFD", _SWITCH.sub("", each)) for each in alone], heard)
    return [
        -1 if sign == " " and owners[min(at + 1, len(owners) - 1)] != owners[max(at - 1, 0)] else owners[at]
        for at, sign in enumerate(heard)
    ]


def _aligned(alone: list[str], heard: str) -> list[int]:
    """As `_owners`, out of each token's own pronunciation: the alignment with the fewest edits, in which vowels and
    consonants count and stress does not."""
    source = [(sign, number) for number, each in enumerate(alone) for sign in each if sign not in _NO_SOUND]
    sounds = [at for at, sign in enumerate(heard) if sign not in _NO_SOUND]
    if not source or not sounds:
        return [0] * len(heard)
    rows, columns = len(source), len(sounds)
    cost = [[row + column for column in range(columns + 1)] for row in range(rows + 1)]
    for row in range(1, rows + 1):
        here, above = cost[row], cost[row - 1]
        sign = source[row - 1][0]
        for column in range(1, columns + 1):
            same = above[column - 1] + (0 if sign == heard[sounds[column - 1]] else 1.2)
            here[column] = min(same, above[column] + 1, here[column - 1] + 1)
    owner_of = [0] * columns
    row, column = rows, columns
    while column:
        if row and cost[row][column] == cost[row - 1][column] + 1:
            row -= 1
            continue
        owner_of[column - 1] = source[max(row - 1, 0)][1]
        if row and cost[row][column] != cost[row][column - 1] + 1:
            row -= 1
        column -= 1
    owners, owner = [], owner_of[0]
    following = dict(zip(sounds, owner_of, strict=True))
    pending = 0
    for at, _ in enumerate(heard):
        if at in following:
            owner = following[at]
            owners += [owner] * (pending + 1)
            pending = 0
        elif heard[at] in "ˈˌ":
            pending += 1  # stress stands before its sound
        else:
            owners += [owner] * (pending + 1)
            pending = 0
    return owners + [owner] * pending
