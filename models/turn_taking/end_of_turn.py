"""End of turn from the words alone: the floor waits longer after "set a timer for" than after "stop".

A logistic regression over hashed features of the words (train/end_of_turn.py; data and figures in CARD.md). The cost
is linear in the number of words; no request is parsed.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from duplex.models.turn_taking.word_lists import FILLERS, NUMBER_WORDS, plain_words, spell_small, word_set

BUCKETS = 1 << 16
WEIGHTS = Path(__file__).parent / "weights" / "end_of_turn.safetensors"
HESITATING = 0.05
"""The score after "um", a dash or three dots."""
AT_A_COMMA = 3.0
"""By what a final comma divides the odds: recognizers also write it after whole requests, until they have heard more of
the silence (CARD.md)."""
UNSPOKEN = 0.5
"""The score of a text without words."""
LONGEST = 400
"""Words of which features are taken; of a longer text the last ones."""

_MEASURES = word_set(
    "second seconds minute minutes hour hours day days week weeks month months year years percent dollars dollar euros "
    "miles mile kilometers kilometer meters meter feet foot inches inch pounds pound kilograms kilogram grams ounces "
    "celsius fahrenheit liters gallons am pm oclock o'clock"
)
_OPERATORS = word_set("plus minus times over divided multiplied by percent of squared cubed")
_COMMANDS = word_set(
    "set timer alarm remind reminder convert cancel wake remember repeat volume plus minus times divided multiplied "
    "percent root power factorial many much until time date day book call play what who where when how why is are"
)
_SHAPES = {
    **dict.fromkeys(NUMBER_WORDS, "#"),
    **dict.fromkeys(_MEASURES, "%"),
}


def end_of_turn_score(text: str) -> float:
    """The probability that a turn holding `text` so far is over, 0 to 1, by its words alone.

    Takes a recognizer's words with or without punctuation and capitals. Returns 0.5 for a text without words. Pure:
    the same text gives the same score.
    """
    words = spoken_words(text)
    if not words:
        return UNSPOKEN
    said = [word for word in words if word not in FILLERS]
    if words[-1] in FILLERS or re.search(r"(?:\.\.|…|[-–—])\s*$", text[-16:]):
        return HESITATING if said else UNSPOKEN
    odds = math.exp(log_odds(said)) / (AT_A_COMMA if text.rstrip().endswith(",") else 1.0)
    return odds / (1.0 + odds)


looks_complete = end_of_turn_score
"""The earlier name of `end_of_turn_score`."""


def log_odds(words: Sequence[str]) -> float:
    """The regression: positive if these words are a whole turn, negative if they are the beginning of one."""
    return float(np.clip(_weights()[list(features(words))].sum(), -30.0, 30.0))


def spoken_words(text: str) -> list[str]:
    """Lower-case words as a recognizer writes them, numbers spelled out; the last `LONGEST` of them."""
    words: list[str] = []
    for token in plain_words(text)[-LONGEST:]:
        if token.isdecimal():
            words.extend(spell_small(token))
        else:
            words.append(token)
    return words[-LONGEST:]


def features(words: Sequence[str]) -> Iterator[int]:
    """Buckets of the features of a non-empty turn: its last words and their kinds, its first words, its commands."""
    fourth, third, second, last = ["<s>", "<s>", "<s>", *words][-4:]
    shape = [_SHAPES.get(word, word) for word in words[-6:]]
    kinds = _collapsed(shape)
    tail, opening = " ".join(kinds[-3:]), " ".join(words[:2])
    for feature in (
        "bias",
        f"1 {last}",
        f"2 {second} {last}",
        f"3 {third} {second} {last}",
        f"4 {fourth} {third} {second} {last}",
        f"before {second}",
        f"ending {last[-3:]}",
        f"ending {last[-2:]}",
        f"length {min(len(words), 12)}",
        f"opening {opening}",
        f"opening and last {words[0]} {last}",
        f"opening, last two {words[0]} {kinds[-1]} {' '.join(kinds[-2:])}",
        f"kinds {tail}",
        f"kinds {' '.join(kinds[-4:])}",
        f"opening and kind {opening} {kinds[-1]}",
    ):
        yield _bucket(feature)
    if len(words) <= 5:
        yield _bucket(f"all {' '.join(_collapsed([_SHAPES.get(word, word) for word in words]))}")
    # What was asked for and how the turn ends: "convert … miles" wants a target, "remind me … minutes" a task.
    commands = {word for word in words[-40:] if word in _COMMANDS}
    joins = {word for word in words[-40:] if word in ("to", "for", "in", "at", "about", "of", "between", "from")}
    for word in sorted(commands):
        yield _bucket(f"command {word} {kinds[-1]}")
        yield _bucket(f"command {word} {' '.join(kinds[-2:])}")
        yield _bucket(f"command {word} {kinds[-1] in ('#', '%')} {' '.join(sorted(joins))}")
    if last in _OPERATORS:
        yield _bucket(f"operator {shape[-2] if len(shape) > 1 else '<s>'}")


def _collapsed(shape: Sequence[str]) -> list[str]:
    """Runs of number words as one "#"."""
    kept = ["<s>"]
    for kind in shape:
        if kind != "#" or kept[-1] != "#":
            kept.append(kind)
    return kept


def _bucket(feature: str) -> int:
    return zlib.crc32(feature.encode()) % BUCKETS


@cache
def _weights() -> np.ndarray:
    """(BUCKETS,) float32."""
    from safetensors.numpy import load_file

    tensors = load_file(WEIGHTS)
    return tensors["weights"].astype(np.float32) * tensors["scale"]
