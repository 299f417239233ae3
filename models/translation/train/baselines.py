"""What a translator has to be better than: copying the source, and looking up word by word."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from .corpus import Pair

NOBODY = ""


def copied(text: str) -> str:
    """The source as its own translation."""
    return text


class Dictionary:
    """Word by word with the likeliest translation of each, by IBM model 1 (Brown et al., 1993) on the training pairs.

    rounds: of expectation maximisation. Numbers, and words that were never seen, are copied.
    """

    def __init__(self, pairs: Iterable[Pair], target: str, rounds: int = 4, share: int = 1) -> None:
        sides = [pair.sides(target) for number, pair in enumerate(pairs) if number % share == 0]
        bitext = [(_words(source), _words(translation)) for source, translation in sides]
        chances: dict[str, dict[str, float]] = {}
        for _ in range(rounds):
            counts: dict[str, Counter[str]] = defaultdict(Counter)
            for source, translation in bitext:
                known = [chances.get(word, {}) for word in (*source, NOBODY)]
                for word in translation:
                    weights = [table.get(word, 1e-9) if chances else 1.0 for table in known]
                    total = sum(weights)
                    for said, weight in zip((*source, NOBODY), weights, strict=True):
                        counts[said][word] += weight / total
            chances = {word: _kept(found) for word, found in counts.items()}
        self._best = {word: max(found, key=found.get) for word, found in chances.items() if word and found}
        self._case = self._cases(sides)

    def __len__(self) -> int:
        return len(self._best)

    @staticmethod
    def _cases(sides: list[tuple[str, str]]) -> dict[str, str]:
        """How each word of the target language is written inside a sentence."""
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for _, translation in sides:
            for word in re.findall(r"[\w']+", translation)[1:]:
                seen[word.lower()][word] += 1
        return {word: found.most_common(1)[0][0] for word, found in seen.items()}

    def translate(self, text: str) -> str:
        """Every word replaced, punctuation kept."""

        def replaced(match: re.Match[str]) -> str:
            word = match.group()
            best = self._best.get(word.lower())
            return word if best is None or word.isdigit() else self._case.get(best, best)

        out = re.sub(r"[\w']+", replaced, text)
        return out[:1].upper() + out[1:]


def _words(text: str) -> list[str]:
    return re.findall(r"[\w']+", text.lower())


def _kept(found: Counter[str]) -> dict[str, float]:
    """Chances of a word's translations, the least likely left out."""
    total = sum(found.values())
    return {word: count / total for word, count in found.most_common(40) if count / total > 0.002}
