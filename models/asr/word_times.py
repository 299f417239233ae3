"""From the pieces of text that a model puts out, with their times, to words with times."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from duplex.models.asr.contract import Word

SPACELESS = frozenset(["zh", "ja", "th", "lo", "my", "yue"])
"""Languages written without spaces between words."""

_FRAME = 320  # samples: no word is shorter
_AUDIBLE = 0.03  # of the loudest frame's amplitude: about 30 dB below it


@dataclass(frozen=True, slots=True)
class Piece:
    """A token's text, a leading space being the beginning of a word; its samples and its probability."""

    text: str
    start: int
    end: int
    confidence: float = 1.0


def words_of_pieces(pieces: Sequence[Piece], length: int, *, spaceless: bool = False) -> list[Word]:
    """Joins pieces between spaces; times are put in order and into 0 … length. A word's confidence is its pieces' mean.

    spaceless: for writing without spaces; every letter or digit begins a word of its own.
    """
    words: list[list[Piece]] = []
    for piece in pieces:
        parts = list(piece.text) if spaceless else piece.text.replace(" ", "\0 ").split("\0")
        for part in parts:
            text = part.strip()
            if not words or (words[-1] and (part.startswith(" ") or (spaceless and text.isalnum()))):
                words.append([])
            if text:
                words[-1].append(Piece(text, piece.start, piece.end, piece.confidence))
    times, at = [], 0
    for group in filter(None, words):
        start = max(at, group[0].start)
        at = max(start + _FRAME, group[-1].end)
        times.append([start, at])
    for place in reversed(times):
        place[1] = min(place[1], length)
        place[0] = min(place[0], place[1] - 1)
        length = place[0]
    return [
        Word("".join(piece.text for piece in group), *place, sum(piece.confidence for piece in group) / len(group))
        for group, place in zip(filter(None, words), times, strict=True)
    ]


def words_by_length(words: Sequence[Word], samples: np.ndarray) -> list[Word]:
    """Shares out the time between the first and the last audible frame of `samples` by the words' lengths."""
    if not words:
        return []
    frames = samples[: len(samples) // _FRAME * _FRAME].reshape(-1, _FRAME)
    loudness = np.sqrt(np.square(frames).mean(axis=1)) if len(frames) else np.zeros(1)
    audible = np.flatnonzero(loudness >= _AUDIBLE * loudness.max())
    begin, end = int(audible[0]) * _FRAME, (int(audible[-1]) + 1) * _FRAME
    edges = np.cumsum([0, *(len(word.text) + 1 for word in words)])
    places = (begin + edges / edges[-1] * (end - begin)).round().astype(int).tolist()
    return [
        Word(word.text, start, stop, word.confidence)
        for word, start, stop in zip(words, places[:-1], places[1:], strict=True)
    ]
