"""Turning what somebody says of themselves into what they can be told."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

_TO_HEARER = {
    "i": "you",
    "i'm": "you're",
    "i've": "you've",
    "i'll": "you'll",
    "i'd": "you'd",
    "me": "you",
    "my": "your",
    "mine": "yours",
    "myself": "yourself",
    "am": "are",
    "we": "you",
    "our": "your",
    "us": "you",
}


_TO_SPEAKER = {
    "you": "I",
    "you're": "I'm",
    "you've": "I've",
    "you'll": "I'll",
    "you'd": "I'd",
    "your": "my",
    "yours": "mine",
    "yourself": "myself",
}


@lru_cache(maxsize=1024)
def to_hearer(text: str) -> str:
    """ "my car is by our house" → "your car is by your house"."""
    return _changed(text, _TO_HEARER)


def to_speaker(text: str) -> str:
    """The way back, as far as the words tell it: "your car is by your house" → "my car is by my house"."""
    return _changed(re.sub(r"\byou are\b", "I am", text), _TO_SPEAKER)


def _changed(text: str, table: Mapping[str, str]) -> str:
    return re.sub(r"[A-Za-z]+(?:['’][a-z]+)?", lambda word: table.get(word[0].lower().replace("’", "'"), word[0]), text)
