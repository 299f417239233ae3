"""The tokenizer of Moonshine: pieces of text in the manner of SentencePiece, from `tokenizer.bin`.

The file holds the tokens in order, each its length, in one or two bytes, and its bytes in UTF-8. U+2581 stands for a
space. Tokens 3 to 258 are single bytes, which spell what has no token of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

START, END = 1, 2
_FIRST_BYTE, _FIRST_TEXT = 3, 259
_SPACE = "\u2581".encode()
_UNUSED = b"<<ST_"


class Tokens:
    """texts: of every token, as bytes, with spaces."""

    def __init__(self, texts: Sequence[bytes]) -> None:
        self.texts = texts
        self._ids: dict[bytes, int] = {}
        for token in range(_FIRST_BYTE, len(texts)):
            self._ids[texts[token]] = token  # a text token after the byte of the same content: it wins
        self._longest = max(map(len, texts), default=0)

    @classmethod
    def read(cls, path: Path) -> Tokens:
        """Raises OSError, ValueError."""
        content = path.read_bytes()
        texts, at = [], 0
        while at < len(content):
            length, at = content[at], at + 1
            if length >= 0x80:
                if at >= len(content):
                    break
                length, at = (length & 0x7F) | content[at] << 7, at + 1
            text = content[at : at + length].replace(_SPACE, b" ")
            texts.append(b"" if text.startswith(_UNUSED) else text)
            at += length
        if at != len(content) or len(texts) <= _FIRST_TEXT or texts[START] != b"<s>" or texts[END] != b"</s>":
            raise ValueError("it is not a tokenizer of Moonshine")
        return cls(texts)

    def decode(self, tokens: Sequence[int]) -> list[str]:
        """What each token adds to the text; bytes of an unfinished character wait for its last one."""
        out, waiting = [], b""
        for token in tokens:
            waiting += self.texts[token] if _FIRST_BYTE <= token < len(self.texts) else b""
            try:
                text = waiting.decode()
            except UnicodeDecodeError as error:
                if error.reason == "unexpected end of data":
                    out.append("")
                    continue
                text = waiting.decode(errors="replace")
            out.append(text)
            waiting = b""
        if waiting and out:
            out[-1] = waiting.decode(errors="replace")
        return out

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, by the longest piece each: not always those that the model would choose.

        Of control tokens, such as "<s>", nothing is ever made.
        """
        rest, tokens = text.encode(), []
        while rest:
            for length in range(min(self._longest, len(rest)), 0, -1):
                token = self._ids.get(rest[:length])
                if token is not None:
                    break
            else:
                token, length = _FIRST_BYTE + rest[0], 1
            tokens.append(token)
            rest = rest[length:]
        return tokens
