"""Hotwords: names and terms that the decoder is to prefer where the sound allows them (shallow fusion with a trie,
Zhao et al. 2019, "Shallow-fusion end-to-end contextual biasing")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from duplex.models.asr.moonshine.tokens import Tokens
from duplex.streaming.errors import SettingsError

_BEGIN, _GO_ON = 1.5, 4.0  # added to a log-odds: to begin a word, to go on with one that has begun
_MOST = 200
_DEEPEST = 24  # tokens


def hotwords_of(text: str) -> tuple[str, ...]:
    """The words and phrases of a setting, separated by commas. Raises SettingsError."""
    words = tuple(dict.fromkeys(" ".join(word.split()) for word in text.split(",") if word.strip()))
    if len(words) > _MOST:
        raise SettingsError(f"hotwords: at most {_MOST} can be preferred, not {len(words)}")
    for word in words:
        if len(word) > 60 or not any(letter.isalnum() for letter in word):
            raise SettingsError(f"hotwords: {word[:60]!r} is no word or short phrase")
    return words


class HotwordBias:
    """A trie of the words' tokens; each node's children are raised when its path ends what has been decoded."""

    def __init__(self, words: Sequence[str], tokens: Tokens) -> None:
        self._root: dict[int, dict[int, object]] = {}
        for word in words:
            node = self._root
            for token in tokens.encode(" " + word):
                node = node.setdefault(token, {})  # type: ignore[assignment]
        self._begin = np.fromiter(self._root, np.int64, len(self._root))

    def apply(self, logits: np.ndarray, chosen: Sequence[int]) -> None:
        """Adds to the scores, (vocabulary,), of what may follow the tokens so far."""
        raised = np.zeros(len(logits), np.float32)
        raised[self._begin] = _BEGIN
        for start in range(max(0, len(chosen) - _DEEPEST), len(chosen)):
            node: object = self._root
            for token in chosen[start:]:
                node = node.get(token) if isinstance(node, dict) else None
                if not node:
                    break
            if isinstance(node, dict) and node:
                raised[list(node)] = _GO_ON
        logits += raised
