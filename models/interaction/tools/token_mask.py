"""Which tokens of a vocabulary may come next in a JSON text that has to fit a schema.

The vocabulary is a tree of bytes, walked along with the validator of prefixes: a branch that cannot fit is left at
once. In the midst of a text almost every token fits; which ones do is worked out once, not at every step.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from duplex.models.interaction.tools import json_prefix
from duplex.models.interaction.tools.json_prefix import State, Text

LONG = 24
"""Bytes; a longer token is not used in the midst of a text."""

_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")


class Vocabulary:
    """tokens: the bytes of each token; None for one that stands for no text (special tokens)."""

    def __init__(self, tokens: Sequence[bytes | None]) -> None:
        self.tokens = tokens
        self._tree: dict[Any, Any] = {}
        """By byte; under None the tokens that end there."""
        for token, text in enumerate(tokens):
            if text:
                node = self._tree
                for byte in text:
                    node = node.setdefault(byte, {})
                node.setdefault(None, []).append(token)
        self._inside = np.zeros(len(tokens), bool)
        """Tokens that can stand in the midst of a text."""
        self._closing: dict[bytes, list[int]] = defaultdict(list)
        """Tokens that end a text, by what comes after its closing quote."""
        self._sort()

    def allowed(self, states: frozenset[State]) -> np.ndarray:
        """(tokens,), True for those that can follow."""
        mask = np.zeros(len(self.tokens), bool)
        others = []
        for state in states:
            terminal, at, _ = state
            if isinstance(terminal, Text) and at[0] == () and terminal.least <= at[1] <= terminal.most - LONG:
                mask |= self._inside
                after = json_prefix.advance([state], 0x22)
                for text, tokens in self._closing.items():
                    if not text or json_prefix.accepted(after, text):
                        mask[tokens] = True
            else:
                others.append(state)
        self._walk(self._tree, frozenset(others), mask)
        return mask

    def _walk(self, node: Mapping[Any, Any], states: frozenset[State], mask: np.ndarray) -> None:
        if None in node:
            mask[node[None]] = True
        for byte, inner in node.items():
            if byte is not None and (after := json_prefix.advance(states, byte)):
                self._walk(inner, after, mask)

    def _sort(self) -> None:
        """Sorts the tokens by what they do in a text that may have any length."""
        opened = json_prefix.accepted(json_prefix.start({"type": "string"}), b'"')
        for token, text in enumerate(self.tokens):
            states = opened
            for place, byte in enumerate(text or b""):
                states = json_prefix.advance(states, byte)
                if json_prefix.DONE in states:
                    self._closing[(text or b"")[place + 1 :]].append(token)
                    break
                if not states:
                    break
            else:
                self._inside[token] = bool(text) and len(text or b"") <= LONG


def vocabulary_of(tokenizer: Any) -> Vocabulary:
    """The vocabulary of a tokenizer of `transformers`: of bytes (GPT-2's), or of pieces (sentencepiece's).

    Raises ValueError if its tokens cannot be joined to texts, or some sign that JSON needs is none of them.
    """
    names = tokenizer.convert_ids_to_tokens(list(range(len(tokenizer))))
    special = set(tokenizer.all_special_ids) | set(tokenizer.get_added_vocab().values())
    decode = _of_bytes if any("Ġ" in (name or "") for name in names) else piece_bytes
    tokens = [None if name is None or place in special else decode(name) for place, name in enumerate(names)]
    lacking = [sign for sign in '{}[]":,0' if sign.encode() not in set(tokens)]
    if lacking:
        raise ValueError(f"the vocabulary lacks {' '.join(lacking)}")
    return Vocabulary(tokens)


def piece_bytes(name: str) -> bytes:
    """The bytes of a piece of sentencepiece."""
    byte = _BYTE.fullmatch(name)
    return bytes([int(byte[1], 16)]) if byte else name.replace("▁", " ").encode()


def _of_bytes(name: str) -> bytes | None:
    """None for a token that has no bytes (an added one)."""
    try:
        return bytes(_BYTES[sign] for sign in name)
    except KeyError:
        return None


def _byte_signs() -> dict[str, int]:
    """The letters by which GPT-2's tokenizer writes bytes: printable ones stand for themselves."""
    plain: Iterable[int] = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    signs = {chr(byte): byte for byte in plain}
    others = [byte for byte in range(0x100) if byte not in signs.values()]
    return signs | {chr(0x100 + place): byte for place, byte in enumerate(others)}


_BYTES = _byte_signs()
