"""Text out of a model's tokens while they come."""

from __future__ import annotations

from typing import Any

FIRST_IDEOGRAPH = "\u2e80"
UNFINISHED = "\ufffd"
"""What a decoder gives for a character of which bytes are still to come."""


class TokenText:
    """Text out of tokens as whole words: what a token begins, the next may go on with."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._tokens: list[int] = []
        self._given = 0
        """Characters of the tokens' text that were taken."""
        self._text = ""

    def put(self, token: int) -> None:
        self._tokens.append(token)
        self._text = self._tokenizer.decode(self._tokens, skip_special_tokens=True)

    def take(self, *, last: bool = False) -> str:
        """What is new up to the end of the last whole word; all that is left if it is the last."""
        end = len(self._text) if last else self._whole_words()
        piece, self._given = self._text[self._given : end], max(self._given, end)
        if "\n" in piece and end == len(self._text):  # lines do not change one another: decoding stays short
            self._tokens, self._text, self._given = [], "", 0
        return piece

    def _whole_words(self) -> int:
        if self._text and self._text[-1] >= FIRST_IDEOGRAPH and self._text[-1] != UNFINISHED:  # no spaces there
            return len(self._text)
        return max(self._text.rfind(" "), self._text.rfind("\n")) + 1
