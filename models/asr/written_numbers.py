"""Numbers as people write them, in words that keep their times: "twenty three dollars" becomes "$23".

    written(["it", "costs", "twenty", "three", "dollars"], "en")  # pieces: it, costs, $23 (words 2 to 4)

English and German. Words that are no numbers stay as they are, but for the names of months in dates.
"""

from __future__ import annotations

from collections.abc import Sequence

from duplex.models.asr.numbers.english import English
from duplex.models.asr.numbers.german import German
from duplex.models.asr.numbers.tokens import Piece, check_reader, tokens
from duplex.models.language_tags import primary
from duplex.streaming.errors import SettingsError

__all__ = ["Piece", "check", "written"]

RULES = {"en": English, "de": German}


def check(language: str) -> None:
    """Raises SettingsError for a language without rules, ModelError if text2num is not installed."""
    if primary(language) not in RULES:
        raise SettingsError(f"written_numbers knows English and German (en, de), not {language!r}")
    check_reader()


def written(texts: Sequence[str], language: str) -> list[Piece]:
    """The words in order, numbers written as numbers. The pieces cover every word once, and none holds a space.

    texts: what was said in one go by one person. Raises what `check` raises.
    """
    check(language)
    pieces, at = [], 0
    for made in RULES[primary(language)](tokens(texts)).run():
        pieces += [Piece(n, n + 1, texts[n]) for n in range(at, made.start)]
        pieces.append(made)
        at = made.end
    return pieces + [Piece(n, n + 1, texts[n]) for n in range(at, len(texts))]
