"""Duplex-nano in ONNX Runtime: tokens and a cache go in, logits after the last token and a longer cache come out.

Keys are cached before their rotation and rotated by their place in the cache, as in StreamingLLM (arXiv 2309.17453), so
that entries can be taken out of its midst: those that stay are as near to each other as ones never further apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from duplex.streaming.errors import ModelError
from duplex.streaming.onnx import session

GRAPH, SETTINGS = "nano.onnx", "nano.json"


class NanoGraph:
    """The graph of a folder. Many sessions share it: a session's state is its cache, which is never changed.

    threshold: probability from which a decision other than silence is taken; it belongs to the weights. answers:
    whether they were trained to answer and to call tools as well.
    Raises ModelError if the files are missing, damaged, or do not fit each other.
    """

    def __init__(self, folder: str | Path, threads: int = 1) -> None:
        folder = Path(folder)
        try:
            self._session = session(folder / GRAPH, threads, spinning=False)
            layers, _, heads, _, width = self._session.get_inputs()[1].shape
            self._shape = int(layers), int(heads), int(width)
            told = json.loads((folder / SETTINGS).read_text(encoding="utf8"))
            self.threshold, self.answers = float(told["threshold"]), bool(told.get("answers", False))
        except Exception as error:
            raise ModelError(f"{folder} holds no Duplex-nano that can be run: {error}") from error

    def initial_cache(self) -> np.ndarray:
        """(layers, 2, key heads, entries, head width) float32 without entries."""
        layers, heads, width = self._shape
        return np.zeros((layers, 2, heads, 0, width), np.float32)

    def step(self, ids: Sequence[int], cache: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Appends at least one token. Returns the logits after the last one, (vocabulary,), and the longer cache."""
        logits, longer = self._session.run(None, {"ids": np.array([ids], np.int64), "past": cache})
        return logits[0], longer


def without(cache: np.ndarray, first: int, count: int) -> np.ndarray:
    """The cache without `count` entries from `first` on."""
    return np.concatenate([cache[:, :, :, :first], cache[:, :, :, first + count :]], axis=3)
