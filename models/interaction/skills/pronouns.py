"""Turning what somebody says of themselves into what they can be told."""

from __future__ import annotations

import re
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


@lru_cache(maxsize=1024)
def to_hearer(text: str) -> str:
    """ "my car is by our house" → "your car is by your house"."""
    return re.sub(
        r"[A-Za-z]+(?:['’][a-z]+)?", lambda word: _TO_HEARER.get(word[0].lower().replace("’", "'"), word[0]), text
    )
