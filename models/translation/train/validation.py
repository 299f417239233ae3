"""Translations of held-out sentences by the network in training, and their BLEU and chrF."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from ..network import TranslationNet
from ..vocabulary import LANGUAGES, Vocabulary
from .corpus import Pair, Question, questions
from .greedy import greedy_batch
from .noise import Noise


def scores(translations: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """Corpus BLEU and chrF by sacrebleu; each sentence may have several references."""
    from sacrebleu.metrics import BLEU, CHRF

    most = max(map(len, references))
    columns = [[found[n] if n < len(found) else None for found in references] for n in range(most)]
    return {
        "bleu": round(BLEU().corpus_score(list(translations), columns).score, 2),
        "chrf": round(CHRF().corpus_score(list(translations), columns).score, 2),
    }


def greedy(net: TranslationNet, sources: Sequence[Sequence[int]], batch: int = 64) -> list[list[int]]:
    """See greedy_batch; batches are of sources of about the same length."""
    answers: list[list[int]] = [[] for _ in sources]
    order = sorted(range(len(sources)), key=lambda n: len(sources[n]))
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        for number, found in zip(chosen, greedy_batch(net, [sources[n] for n in chosen]), strict=True):
            answers[number] = found
    return answers


class Validation:
    """`count` held-out sentences of each direction, clean and as recognized (really where there is a recording of
    recognition, with made errors otherwise); only the first translation of each counts."""

    def __init__(self, pairs: list[Pair], vocabulary: Vocabulary, noise: Noise, count: int = 300) -> None:
        self._vocabulary = vocabulary
        self.sets: dict[str, list[tuple[str, tuple[str, ...]]]] = {}
        for target in LANGUAGES:
            chosen = questions(pairs, target)[:count]
            source = "en" if target == "de" else "de"
            self.sets[f"{source}-{target}"] = [(q.source, q.references[:1]) for q in chosen]
            self.sets[f"{source}-{target} noised"] = [
                (heard(q, source, noise, number), q.references[:1]) for number, q in enumerate(chosen)
            ]

    def score(self, net: TranslationNet) -> dict[str, dict[str, float]]:
        """BLEU and chrF of each set."""
        figures = {}
        for name, rows in self.sets.items():
            target = name[3:5]
            found = greedy(net, [self._vocabulary.source(source, target) for source, _ in rows])
            texts = [self._vocabulary.decode(numbers) for numbers in found]
            figures[name] = scores(texts, [references for _, references in rows])
        return figures


def heard(question: Question, language: str, noise: Noise, number: int) -> str:
    """The sentence as recognized: really so where that is known, else with errors made from a fixed seed."""
    return question.recognized or noise.apply(question.source, language, Random(number))


def mean_chrf(figures: dict[str, dict[str, float]]) -> float:
    """One number to choose by: all directions and conditions alike."""
    return sum(entry["chrf"] for entry in figures.values()) / len(figures)
