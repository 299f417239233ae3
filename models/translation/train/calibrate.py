"""Fits the quality estimate and the language guess of an exported translator.

The estimate is a logistic model of the chance that a translation of a validation sentence has a chrF of at least USABLE
against the nearest reference. Sentences nobody can translate (letters at random, words with their letters shuffled) are
among the examples, as not usable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np

from ..engine import BundledTranslator
from ..quality import FEATURES, QualityModel
from ..vocabulary import LANGUAGES, Vocabulary
from .corpus import Pair, Question, key, questions, read_pairs, recognition_errors, split, text_folder
from .noise import Mishearing, Noise
from .validation import heard

USABLE = 40.0
MARKED = 0.03
"""Share of usable translations that the threshold may mark as hopeless."""
COUNT = 250


def calibrate(
    folder: Path, data: str | Path | None, kind: Callable[[Path], BundledTranslator] = BundledTranslator
) -> dict[str, float]:
    """Writes quality.json and language.npy of an export, which `kind` opens. Returns figures of the fit."""
    texts = text_folder(data)
    parts = split(read_pairs(texts))
    vocabulary = Vocabulary(folder / "vocabulary.model")
    np.save(folder / "language.npy", language_odds(parts["train"], vocabulary))
    _write(folder, QualityModel((0.0,) * len(FEATURES), 0.0, 0.0))
    translator = kind(folder)
    held_out = {key(pair.en) for name in ("valid", "test") for pair in parts[name]}
    noise = Noise(Mishearing(recognition_errors(texts, held_out)))
    rows, usable, hopeless = examples(translator, parts["valid"], noise)
    model = fit(rows, usable)
    _write(folder, model)
    chances = np.array([model.quality(row) for row in rows])
    marked = chances < model.hopeless
    kinds = {"nonsense_marked": hopeless, "usable_marked": usable, "bad_marked": ~usable & ~hopeless}
    return {
        "sentences": len(rows),
        "usable": round(float(usable[~hopeless].mean()), 3),
        "area": round(area(chances, usable), 3),
        **{name: round(float(marked[kind].mean()), 3) if kind.any() else 0.0 for name, kind in kinds.items()},
        "threshold": model.hopeless,
    }


def language_odds(pairs: Sequence[Pair], vocabulary: Vocabulary) -> np.ndarray:
    """(vocabulary,) int8: natural log of how much likelier each subword is in German than in English, times 16."""
    counts = {}
    for language in LANGUAGES:
        total = np.ones(len(vocabulary))
        sides = [getattr(pair, language) for pair in pairs]
        for numbers in (*vocabulary.encode_all(sides), *vocabulary.encode_all([side.lower() for side in sides])):
            np.add.at(total, numbers, 1)
        counts[language] = total / total.sum()
    odds = np.log(counts["de"] / counts["en"])
    rare = np.array([vocabulary.is_odd(number) for number in range(len(vocabulary))])
    return np.where(rare, 0, np.clip(odds * 16, -127, 127)).round().astype(np.int8)


def nonsense(question: Question, rng: Random) -> str:
    """A sentence's length in something that is no sentence."""
    words = question.source.split()
    if rng.random() < 0.5:
        return " ".join("".join(rng.choice("abcdefghijklmnopqrstuvwxyz") for _ in word) for word in words)
    letters = [rng.sample(word, len(word)) for word in words]
    return " ".join("".join(word) for word in letters)


def examples(
    translator: BundledTranslator, pairs: list[Pair], noise: Noise
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (sentences, features), whether usable, whether nonsense on purpose."""
    from sacrebleu.metrics import CHRF

    chrf, rng = CHRF(), Random(1)
    rows, usable, hopeless = [], [], []
    for target in LANGUAGES:
        source = "en" if target == "de" else "de"
        for number, question in enumerate(questions(pairs, target)[:COUNT]):
            made = question.source, heard(question, source, noise, number), nonsense(question, rng)
            for text, lost in zip(made, (False, False, True), strict=True):
                found, numbers = translator.hypothesis(text, target)
                answer = translator.vocabulary.decode(found.numbers)
                rows.append(translator.features(found, numbers))
                usable.append(not lost and chrf.sentence_score(answer, list(question.references)).score >= USABLE)
                hopeless.append(lost)
    return np.array(rows), np.array(usable), np.array(hopeless)


def fit(rows: np.ndarray, usable: np.ndarray, ridge: float = 1.0) -> QualityModel:
    """A logistic regression by Newton's method on standardised features, then the threshold."""
    mean, spread = rows.mean(0), rows.std(0) + 1e-6
    inputs = np.hstack([(rows - mean) / spread, np.ones((len(rows), 1))])
    weights, penalty = np.zeros(inputs.shape[1]), np.diag([ridge] * rows.shape[1] + [1e-6])
    for _ in range(30):
        chance = 1 / (1 + np.exp(-inputs @ weights))
        slope = inputs.T @ (chance - usable) + penalty @ weights
        curve = inputs.T @ (inputs * (chance * (1 - chance))[:, None]) + penalty
        weights -= np.linalg.solve(curve, slope)
    scaled = weights[:-1] / spread
    bias = float(weights[-1] - scaled @ mean)
    chance = 1 / (1 + np.exp(-(rows @ scaled + bias)))
    threshold = np.quantile(chance[usable], MARKED) if usable.any() else 0.5
    return QualityModel(tuple(round(float(w), 5) for w in scaled), round(bias, 5), round(float(threshold), 4))


def area(chances: np.ndarray, usable: np.ndarray) -> float:
    """Area under the ROC curve: how often a usable one has a higher chance than one that is not."""
    order = np.argsort(np.argsort(chances)) + 1
    positive, negative = usable.sum(), (~usable).sum()
    return float((order[usable].sum() - positive * (positive + 1) / 2) / max(positive * negative, 1))


def _write(folder: Path, model: QualityModel) -> None:
    (folder / "quality.json").write_text(json.dumps(model.as_dict()) + "\n", encoding="utf8")
