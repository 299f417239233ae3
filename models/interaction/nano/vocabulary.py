"""Subwords of Duplex-nano: SentencePiece BPE, digits one by one, bytes for unknown characters, and control tokens.

A control token never comes from text: nothing that is said or written can open a block or make a decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

from duplex.models.interaction.decider.contract import Action
from duplex.models.interaction.tools.token_mask import piece_bytes
from duplex.streaming.errors import ModelError

PAD, UNKNOWN, BEGIN, END = 0, 1, 2, 3

PHASES = ("idle", "speaking", "answering", "held")
"""What the assistant does in a block."""
ACTIONS: tuple[Action, ...] = ("silent", "respond", "backchannel", "yield", "resume")

SYMBOLS = (
    *(f"<{phase}{voice}>" for phase in PHASES for voice in ("", "+voice")),
    *(f"<{action}>" for action in ACTIONS),
    "<user>",
    "<other>",
    "<own>",
    "<back>",
    "<anew>",
    "<sound>",
    "<faint>",
    "<timer>",
    "<result>",
    "<failed>",
    "<say>",
    "<call>",
)
NUMBER = {symbol: 4 + place for place, symbol in enumerate(SYMBOLS)}
"""The id of each control token."""

FIRST_PIECE = 4 + len(SYMBOLS)
"""The first id that stands for text."""

DECISIONS: tuple[int, ...] = tuple(NUMBER[f"<{action}>"] for action in ACTIONS)
"""Ids of the decisions, in the order of ACTIONS."""


def opener(phase: str, voice: bool) -> int:
    """The token that opens a block. voice: somebody speaks at its end."""
    return NUMBER[f"<{phase}{'+voice' if voice else ''}>"]


class Vocabulary:
    """Text to ids and back. Raises ModelError if the file is missing or no vocabulary of Duplex-nano."""

    def __init__(self, path: str | Path) -> None:
        from sentencepiece import SentencePieceProcessor

        try:
            self._pieces = SentencePieceProcessor(model_file=str(path))
        except (OSError, RuntimeError) as error:
            raise ModelError(f"{path} is not a vocabulary of Duplex-nano: {error}") from error
        if any(self._pieces.piece_to_id(symbol) != number for symbol, number in NUMBER.items()):
            raise ModelError(
                f"{path} lacks control tokens of Duplex-nano: take the vocabulary that came with the model"
            )
        self.word = lru_cache(maxsize=20_000)(self._word)

    def __len__(self) -> int:
        return self._pieces.get_piece_size()

    def encode(self, text: str) -> list[int]:
        return self._pieces.encode(text)

    def _word(self, word: str) -> tuple[int, ...]:
        return tuple(self._pieces.encode(word))

    def words(self, words: Iterable[str]) -> list[int]:
        """Ids of words, each by itself, so that a word has the same ones in every revision of its utterance."""
        return [number for word in words for number in self.word(word)]

    def token_bytes(self) -> list[bytes | None]:
        """The bytes of each token; None for those that no text has."""
        pieces = (self._pieces.id_to_piece(number) for number in range(FIRST_PIECE, len(self)))
        return [*[None] * FIRST_PIECE, *(piece_bytes(piece) for piece in pieces)]

    def decode(self, numbers: Sequence[int]) -> str:
        """The text of ids; control tokens are left out."""
        kept = [int(number) for number in numbers if number >= FIRST_PIECE or number == UNKNOWN]
        return self._pieces.decode(kept).replace("\ufffd", "").strip()


def build_vocabulary(texts: Iterable[str], path: str | Path, size: int) -> None:
    """Trains a vocabulary of `size` ids on texts and writes it to `path`."""
    from duplex.models.corpora.subwords import train_subwords

    marks = PAD, UNKNOWN, BEGIN, END
    train_subwords(texts, path, size, marks=marks, symbols=SYMBOLS, model="bpe", coverage=1.0)
