"""Subwords shared by both languages: SentencePiece unigram, digits one by one, bytes for what it does not know."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import Path

from duplex.streaming.errors import ModelError

LANGUAGES = ("en", "de")
PAD, UNKNOWN, BEGIN, END = 0, 1, 2, 3
TAGS = {"en": 4, "de": 5}
"""First subword of the source: the language that is wanted."""
PARTIAL = 6
"""Second subword of a source that is the beginning of a sentence still being spoken."""
SYMBOLS = ("<2en>", "<2de>", "<part>")

_QUOTES = str.maketrans({"’": "'", "‘": "'", "`": "'", "´": "'", "“": '"', "”": '"', "„": '"', "«": '"', "»": '"'})


def normalized(text: str) -> str:
    """NFC, plain quotation marks, single spaces, no control characters."""
    text = unicodedata.normalize("NFC", text).translate(_QUOTES).replace("…", "...")
    text = "".join(c if c.isprintable() else " " for c in text)
    return re.sub(r"\s+", " ", text).strip()


class Vocabulary:
    """Text to subword numbers and back. Raises ModelError if the file is missing or no SentencePiece model."""

    def __init__(self, path: str | Path) -> None:
        try:
            from sentencepiece import SentencePieceProcessor
        except ImportError as error:
            raise ModelError("the bundled translator needs `sentencepiece`: pip install sentencepiece") from error
        try:
            self._pieces = SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise ModelError(f"{path} is not a vocabulary of the translator: {error}") from error

    def __len__(self) -> int:
        return self._pieces.get_piece_size()

    def encode(self, text: str) -> list[int]:
        """Subwords of a text, without tags and without the end."""
        return self._pieces.encode(normalized(text))

    def encode_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Subwords of many texts."""
        return self._pieces.encode([normalized(text) for text in texts])

    def source(self, text: str, target: str, partial: bool = False) -> list[int]:
        """What the encoder reads: the tag of the target language, perhaps PARTIAL, the subwords, the end."""
        return [TAGS[target], *([PARTIAL] if partial else []), *self.encode(text), END]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of subwords; tags, padding, the end and bytes that make no character are left out."""
        kept = [int(n) for n in numbers if n == UNKNOWN or n > PARTIAL]
        return self._pieces.decode(kept).replace("\ufffd", "").strip()

    def whole_words(self, text: str) -> set[int]:
        """Subwords that are words of the text, as they are written or in lower case."""
        words = {word for match in re.findall(r"[^\W\d_]+", text) for word in (match, match.lower())}
        return {numbers[0] for numbers in self._pieces.encode(sorted(words)) if len(numbers) == 1}

    def begins_word(self, number: int) -> bool:
        """Whether a subword opens a new word."""
        return self._pieces.id_to_piece(int(number)).startswith("▁")

    def is_byte(self, number: int) -> bool:
        """Whether a subword is a byte of a character that the vocabulary lacks."""
        return self._pieces.is_byte(int(number))

    def is_odd(self, number: int) -> bool:
        """Whether a subword is a byte of a character that the vocabulary lacks, or a single letter within a word."""
        piece = self._pieces.id_to_piece(int(number))
        return self.is_byte(number) or (len(piece) == 1 and piece.isalpha())


def build_vocabulary(sentences: Iterable[str], path: str | Path, size: int) -> None:
    """Trains a vocabulary of `size` subwords on sentences and writes it to `path`."""
    from duplex.models.corpora.subwords import train_subwords

    marks = PAD, UNKNOWN, BEGIN, END
    train_subwords(sentences, path, size, marks=marks, symbols=SYMBOLS, model="unigram", coverage=0.9998)
