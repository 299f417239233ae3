"""How finished the words so far look: what lets the floor wait longer after "set a timer for" than after "stop".

Two judges: a logistic regression over the last and first words (train_completeness.py; figures in CARD.md), and the
skills, which know a whole request when they see one.
"""

from __future__ import annotations

import math
import re
import zlib
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from duplex.models.interaction.contract import Control, Request
from duplex.models.interaction.skills import Skills
from duplex.models.interaction.skills.numbers import spell
from duplex.models.interaction.skills.skill import Skill
from duplex.models.interaction.skills.understanding import taken_whole
from duplex.models.interaction.skills.words import FILLERS
from duplex.models.turn_taking.word_lists import word_set

BUCKETS = 1 << 14
WEIGHTS = Path(__file__).parent / "weights" / "completeness.safetensors"
STOPPING, WHOLE_REQUEST, COURTESY, LACKING = 4.0, 2.5, 1.5, -2.0
"""Log odds that a skill adds when it takes the turn as it stands: "stop"; another request; a courtesy of two words or
more; a request that the skill would have to ask back about ("set a timer")."""
OPERATOR = -2.5
"""Log odds after a word that joins two numbers: "twelve times"."""
HESITATING = 0.05
"""After "um", or three dots."""
_ANYTHING = "bananas"
_OPERATORS = word_set("times plus minus by over divided")
UNSPOKEN = 0.5
"""Nothing said: nothing known."""


def looks_complete(text: str) -> float:
    """How likely a turn that holds `text` so far is over, 0 to 1, by its words alone.

    Takes a recognizer's words with or without punctuation and capitals. 0.5 where nothing speaks for either side.
    """
    words = spoken_words(text)
    if not words:
        return UNSPOKEN
    said = [word for word in words if word not in FILLERS]
    if words[-1] in FILLERS or re.search(r"(?:\.\.|…|[-–—,])\s*$", text):
        return HESITATING if said else UNSPOKEN
    odds = log_odds(said)
    odds += OPERATOR if words[-1] in _OPERATORS else _skilled(text, len(said))
    return 1.0 / (1.0 + math.exp(-odds))


def log_odds(words: Sequence[str]) -> float:
    """The regression alone: whether these words are a whole turn (positive) or the beginning of one."""
    return float(_weights()[list(features(words))].sum())


def spoken_words(text: str) -> list[str]:
    """Lower-case words as a recognizer writes them, numbers spelled out."""
    words = []
    for token in re.findall(r"\d+|[^\W\d_]+(?:'[^\W\d_]+)*", text.lower().replace("’", "'")):
        if token.isdecimal():
            words.extend(spell(int(token)).split() if len(token) <= 4 else (spell(int(digit)) for digit in token))
        else:
            words.append(token)
    return words


def features(words: Sequence[str]) -> Iterator[int]:
    """Buckets of the features of a non-empty turn: its last one to three words, its first ones, its length."""
    third, second, last = ["<s>", "<s>", *words][-3:]
    for feature in (
        "bias",
        f"1 {last}",
        f"2 {second} {last}",
        f"3 {third} {second} {last}",
        f"before {second}",
        f"ending {last[-3:]}",
        f"ending {last[-2:]}",
        f"length {min(len(words), 12)}",
        f"opening {' '.join(words[:2])}",
        f"opening and last {words[0]} {last}",
    ):
        yield zlib.crc32(feature.encode()) % BUCKETS


def _skilled(text: str, words: int) -> float:
    """The log odds that the skills add."""
    taken = taken_whole(Request(text), _skills())
    if taken is None:  # is there a request that lacks but its last word? ("what did i say about …")
        return LACKING if taken_whole(Request(f"{text.rstrip('.!?; ')} {_ANYTHING}"), _skills()) else 0.0
    skill, reply = taken
    if not reply.finished:
        return LACKING
    if Control("stop") in reply.items:
        return STOPPING
    return WHOLE_REQUEST if not skill.slight else COURTESY if words > 1 else 0.0


@cache
def _weights() -> np.ndarray:
    """(BUCKETS,) float32."""
    from safetensors.numpy import load_file

    tensors = load_file(WEIGHTS)
    return tensors["weights"].astype(np.float32) * tensors["scale"]


@cache
def _skills() -> tuple[Skill, ...]:
    return Skills().skills
