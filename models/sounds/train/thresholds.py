"""Thresholds of the labels, chosen on the development split: the best F1 that false alarms allow."""

from __future__ import annotations

from typing import Any

import numpy as np

from duplex.models.sounds.contract import BACKGROUND, LABELS, SoundTagger, Threshold
from duplex.models.sounds.events import as_events
from duplex.models.sounds.train.corpus import Corpus
from duplex.models.sounds.train.scoring import precision_recall
from duplex.models.sounds.train.trials import stretches, tagged, trials
from duplex.streaming.audio import SAMPLE_RATE

TOLD = ("music", *(label for label in LABELS if label not in BACKGROUND))
"""Labels whose events may be told."""

CAREFUL = ("baby crying", "alarm", "glass")
"""Labels that are warned about: theirs must not be false."""

MOST_AN_HOUR, MOST_CAREFUL = 4.0, 0.3
"""False alarms of a label an hour of speech, music, silence and noise, on average over the four kinds."""

LEAST_F1 = 0.25
"""A label that does not come so far is not told."""

OFF = 0.6
"""Part of the upper threshold that the lower one is."""

CANDIDATES = np.round(np.concatenate([np.arange(0.2, 0.9, 0.05), np.arange(0.9, 0.995, 0.01)]), 3)


def false_alarms(streams: dict[str, tuple[np.ndarray, float]], label: str, threshold: Threshold) -> dict[str, float]:
    """Events of a label an hour, in each kind of stretch. streams: kind to probabilities and hours."""
    return {
        kind: len(as_events(probabilities, LABELS, {label: threshold})) / hours
        for kind, (probabilities, hours) in streams.items()
        if kind != label
    }


def tagged_stretches(tagger: SoundTagger[Any], corpus: Corpus) -> dict[str, tuple[np.ndarray, float]]:
    """Probabilities and hours of each kind of stretch."""
    return {kind: (tagged(tagger, audio), len(audio) / SAMPLE_RATE / 3600) for kind, audio in stretches(corpus).items()}


def fit_thresholds(tagger: SoundTagger[Any], corpus: Corpus) -> dict[str, Threshold]:
    """Of the labels that can be told; the tagger's own thresholds do not matter."""
    heard = trials(tagger, corpus, speech=False) + trials(tagger, corpus, speech=True)
    best, truth = np.array([trial.best for trial in heard]), np.array([trial.truth for trial in heard])
    streams = tagged_stretches(tagger, corpus)
    chosen: dict[str, Threshold] = {}
    for label in TOLD:
        column, most = LABELS.index(label), MOST_CAREFUL if label in CAREFUL else MOST_AN_HOUR
        known = ~np.isnan(truth[:, column])
        score = LEAST_F1
        for candidate in CANDIDATES:
            threshold = Threshold(float(candidate), round(float(candidate) * OFF, 3))
            rates = false_alarms(streams, label, threshold)
            if np.mean(list(rates.values())) > most:
                continue
            precision, recall = precision_recall(best[known, column] >= candidate, truth[known, column] > 0.5)
            f1 = 2 * precision * recall / max(precision + recall, 1e-9)
            if f1 > score:
                score, chosen[label] = f1, threshold
    return chosen
