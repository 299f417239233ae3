"""How usable a translation is likely to be, told from how sure the network was; and which language a text is in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .search import Hypothesis

FEATURES = ("mean", "worst", "length", "unknown")


@dataclass(frozen=True)
class QualityModel:
    """A logistic model of the chance that a translation is usable; train/calibrate.py fits it on the validation split.

    weights: of FEATURES, bias: the rest. hopeless: chance below which a translation is marked.
    """

    weights: tuple[float, ...]
    bias: float
    hopeless: float

    def quality(self, features: Sequence[float]) -> float:
        total = self.bias + sum(w * f for w, f in zip(self.weights, features, strict=True))
        return 1 / (1 + math.exp(-max(-30.0, min(30.0, total))))

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> QualityModel:
        return cls(tuple(values["weights"]), values["bias"], values["hopeless"])


def features(found: Hypothesis, source: Sequence[int], unknown: int) -> tuple[float, ...]:
    """mean: log-probability of a subword. worst: mean of the least sure fifth. length: how far the length is from
    the source's, in log. unknown: share of the source's subwords that are bytes or single letters."""
    logs = sorted(found.logs) or [-20.0]
    worst = logs[: max(1, len(logs) // 5)]
    length = abs(math.log((len(found.numbers) + 2) / (len(source) + 1)))
    return sum(logs) / len(logs), sum(worst) / len(worst), length, unknown / max(len(source), 1)


class LanguageGuess:
    """English or German by the subwords of a text. odds: (vocabulary,) natural log of German over English, times 16."""

    def __init__(self, odds: np.ndarray) -> None:
        self._odds = odds.astype(np.float32) / 16

    def german(self, words: Iterable[int]) -> float:
        """Log-odds that a text of these distinct words (Vocabulary.whole_words) is German, below 0 for English; near 0
        if there is no telling. Rare words are in pieces, and no evidence: names have the look of any language."""
        return float(self._odds[list(words)].sum())
