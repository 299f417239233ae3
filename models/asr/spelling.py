"""How written words are said, as far as it takes to compare what recognizers write: numbers, money, times, titles."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from duplex.models.language_tags import primary
from duplex.models.tts.normalization import normalized
from duplex.models.tts.normalization.number_names import cardinal

_LANGUAGES = ("en", "de")
_SIGNS = re.compile(r"[\d%&$€£¥]")
_TITLES = {"Mr.": "Mister", "Mrs.": "Missus", "Dr.": "Doctor", "Mr": "Mister", "Mrs": "Missus", "Dr": "Doctor"}
_ROUND = (100, 1000, 10**6, 10**9)


@lru_cache(4096)
def said(text: str, language: str) -> str:
    """A written word in spoken ones: "$23.50" as "twenty-three dollars and fifty cents".

    English and German; words of other languages stay as they are, and so do abbreviations whose meaning is in the words
    around them ("No.", "St.").
    """
    if text in _TITLES and primary(language) == "en":
        return _TITLES[text]
    return normalized(text, language).text if _SIGNS.search(text) else text


def grows(text: str, language: str) -> bool:
    """Whether the words that follow may be written into one with this: it has digits, or is a number's name."""
    return any(sign.isdigit() for sign in text) or not _names(primary(language)).isdisjoint(_parts(text))


@cache
def _names(language: str) -> frozenset[str]:
    numbers = (*range(100), *_ROUND) if language in _LANGUAGES else ()
    return frozenset(part for number in numbers for part in _parts(cardinal(number, language)))


def _parts(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", text.casefold())
