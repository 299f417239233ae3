"""Subtitles that follow the words: a mark in the text at each word's time, the word of the moment underlined, or a cue
for each word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

from duplex.session_record.cue_times import FLASH, Cue

WORD_STYLES = ("", "karaoke", "each")
"""Nothing of the kind; marks in WebVTT and the underlined word in SubRip; a cue for each word."""


def with_marks(cue: Cue, written: Callable[[str], str], clock: Callable[[int], str]) -> str:
    """The cue's text with `<time>` before each word but the first, as WebVTT has it: in order, within the cue.

    written: how a word is escaped. clock: milliseconds as text.
    """
    at = cue.start
    lines = []
    for line in _placed(cue):
        texts = []
        for token, word in line:
            mark = ""
            if word is not None and at < (begin := _ms(cue.words[word].start)) < cue.end:
                mark, at = f"<{clock(begin)}>", begin
            texts.append(mark + written(token))
        lines.append(" ".join(texts))
    return "\n".join(lines)


def underlined(cue: Cue) -> list[Cue]:
    """The cue once for each of its words, which is underlined while it is heard; together they stand as long."""
    begins = [cue.start, *(min(max(cue.start, _ms(word.start)), cue.end) for word in cue.words[1:]), cue.end]
    for at in range(1, len(begins)):
        begins[at] = max(begins[at - 1], begins[at])
    placed = _placed(cue)
    return [
        cue._replace(
            start=start,
            end=end,
            lines=[" ".join(f"<u>{token}</u>" if word == now else token for token, word in line) for line in placed],
        )
        for now, (start, end) in enumerate(pairwise(begins))
        if start < end
    ]


def each_word(cues: Sequence[Cue]) -> list[Cue]:
    """A cue for each word at its own time, without the party's name; of one party they do not overlap."""
    words = []
    for cue in cues:
        for word in cue.words:
            start = _ms(word.start)
            end = max(_ms(word.end), start + FLASH)
            words.append(Cue(start, end, cue.party, [word.text], len(word.text), (word,)))
    words.sort(key=lambda cue: (cue.start, cue.end))
    following: dict[str, int] = {}
    for at in reversed(range(len(words))):
        word = words[at]
        limit = following.get(word.party, word.end)
        words[at] = word._replace(end=min(word.end, max(limit, word.start + 1)))
        following[word.party] = word.start
    return words


def _placed(cue: Cue) -> list[list[tuple[str, int | None]]]:
    """The tokens of each line, and which word each is; None for those of the party's name."""
    named = sum(len(line.split(" ")) for line in cue.lines) - len(cue.words)
    lines, number = [], -named
    for line in cue.lines:
        tokens: list[tuple[str, int | None]] = []
        for token in line.split(" "):
            tokens.append((token, number if number >= 0 else None))
            number += 1
        lines.append(tokens)
    return lines


def _ms(seconds: float) -> int:
    return max(0, round(seconds * 1000))
