"""Thresholds and scores of a tagger that hears hiss (a "dog") by its zero crossings and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.sounds.contract import BLOCK, LABELS, SoundBlock, Threshold
from duplex.models.sounds.train.corpus import Corpus
from duplex.streaming.audio import SAMPLE_RATE
from tests.models.sounds.train.test_scenes import bank

pytest.importorskip("scipy")

from duplex.models.sounds.train import trials
from duplex.models.sounds.train.evaluate import evaluate, printed
from duplex.models.sounds.train.thresholds import fit_thresholds

DOG = LABELS.index("dog")


class Hissing:
    hop, latency, sample_rate, name, labels = BLOCK, 0, SAMPLE_RATE, "hissing", LABELS

    def __init__(self) -> None:
        self.thresholds = {"dog": Threshold(0.5, 0.3)}

    def initial_state(self, batch: int = 1) -> int:
        return 0

    def step(self, chunk: np.ndarray, state: int) -> tuple[SoundBlock, int]:
        probabilities = np.full(len(LABELS), 0.01, np.float32)
        crossings = np.mean(np.diff(np.signbit(chunk)))
        loud = np.sqrt(np.mean(chunk**2)) > 0.003
        probabilities[DOG] = 0.95 if loud and crossings > 0.7 else 0.05
        return SoundBlock(state, probabilities), state + BLOCK

    def flush(self, state: int) -> None:
        pass


@pytest.fixture(scope="module")
def corpus() -> Corpus:
    rng = np.random.default_rng(0)

    def low() -> np.ndarray:
        return np.convolve(rng.normal(0, 0.1, 24_000), np.ones(20) / 20, "same")

    hiss = [np.abs(rng.normal(0, 0.1, 24_000)) * np.resize([1.0, -1.0], 24_000) for _ in range(3)]
    sounds = bank([*hiss, *(low() for _ in range(6))], [0, 0, 0, 1, 1, 2, 2, 3, 3])
    rooms = np.zeros((1, 16_000), np.float16)
    rooms[:, 0] = 1
    return Corpus(sounds, ("dog", "music", "rain", "noise"), bank([low() for _ in range(4)], [0, 0, 1, 1]), rooms)


def test_truth_knows_what_is_masked() -> None:
    truth = trials.truth_of("rain", speech=True)
    assert truth[LABELS.index("rain")] == truth[LABELS.index("speech")] == 1
    assert np.isnan(truth[LABELS.index("water")]) and truth[DOG] == 0
    assert trials.truth_of("song", speech=False)[LABELS.index("music")] == 1
    assert not (trials.truth_of("voice", speech=False) == 1).any()


@pytest.mark.slow
def test_thresholds_and_scores(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    stretches = trials.stretches
    monkeypatch.setattr("duplex.models.sounds.train.thresholds.stretches", lambda corpus: stretches(corpus, 20.0))
    tagger = Hissing()
    fitted = fit_thresholds(tagger, corpus)
    assert list(fitted) == ["dog"], "what is never told apart has no threshold"
    assert 0.05 < fitted["dog"].on <= 0.95 and fitted["dog"].off < fitted["dog"].on
    rows = evaluate(tagger, corpus, corpus)
    dog = rows["dog"]
    assert (dog["AP alone"], dog["precision alone"], dog["recall alone"]) == (1.0, 1.0, 1.0)
    assert dog["nearest alone"] > dog["chance alone"] and dog["n alone"] == 3
    assert dog["false speech"] == dog["false silence"] == 0
    assert "precision alone" not in rows["rain"] and np.isnan(rows["glass"]["AP alone"])
    table = printed(rows)
    assert table.count("\n") == len(rows) + 1 and "| dog | 3 | 1.00 |" in table
