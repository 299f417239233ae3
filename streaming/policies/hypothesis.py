"""What a policy decides about: a growing hypothesis of words, of which a prefix is stable."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word; `start` and `end` are samples at 16 kHz from the utterance's beginning."""

    text: str
    start: int
    end: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the utterance says so far.

    words[:stable] is never taken back: each later hypothesis of the utterance begins with the same words, but for case
    and punctuation. The rest may change. A final hypothesis is all stable.
    """

    words: tuple[Word, ...] = ()
    stable: int = 0
    final: bool = False

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)
