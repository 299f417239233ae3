"""Scores on held-out recordings: `python -m duplex.models.sounds.train.evaluate --corpus runs/sounds/corpus`.

For each label: average precision of recordings alone and under speech (−5 to 20 dB louder), beside chance and the
nearest mean spectrum; precision and recall at the shipped threshold; false alarms an hour in speech, music, silence and
noise that hold no such sound.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.corpora.manifest import data_folder
from duplex.models.sounds import load_tagger
from duplex.models.sounds.contract import LABELS, SoundTagger
from duplex.models.sounds.train.baselines import NearestSpectrum
from duplex.models.sounds.train.corpus import Corpus, build_corpus, load_corpus
from duplex.models.sounds.train.scoring import average_precision, precision_recall
from duplex.models.sounds.train.thresholds import CAREFUL, false_alarms, tagged_stretches
from duplex.models.sounds.train.trials import Trial, alone, trials, under_speech
from duplex.streaming.audio import SAMPLE_RATE

SCORED = tuple(label for label in LABELS if label not in ("silence", "noise"))


def precision_of(scores: np.ndarray, truth: np.ndarray, column: int) -> float:
    """Average precision of a label over the recordings of which its truth is known."""
    known = ~np.isnan(truth[:, column])
    return average_precision(scores[known, column], truth[known, column] > 0.5)


def evaluate(tagger: SoundTagger[Any], split: Corpus, fit: Corpus) -> dict[str, dict[str, float]]:
    """A row of measures for each label, and "mean" over the labels that the split has."""
    heard: dict[str, list[Trial]] = {
        "alone": trials(tagger, split, speech=False),
        "speech": trials(tagger, split, speech=True),
    }
    nearest = NearestSpectrum(fit)
    made = {"alone": alone(split), "speech": under_speech(split)}
    spectra = {kind: np.array([nearest.score(audio) for _, audio in found]) for kind, found in made.items()}
    streams = tagged_stretches(tagger, split)
    rows: dict[str, dict[str, float]] = {}
    for label in SCORED:
        column = LABELS.index(label)
        row: dict[str, float] = {}
        for kind, found in heard.items():
            truth = np.array([trial.truth for trial in found])
            best = np.array([trial.best for trial in found])
            known = ~np.isnan(truth[:, column])
            row[f"n {kind}"] = float((truth[known, column] > 0.5).sum())
            row[f"AP {kind}"] = precision_of(best, truth, column)
            row[f"nearest {kind}"] = precision_of(spectra[kind], truth, column)
            row[f"chance {kind}"] = float((truth[known, column] > 0.5).mean())
            if label in tagger.thresholds:
                chosen = best[known, column] >= tagger.thresholds[label].on
                measured = precision_recall(chosen, truth[known, column] > 0.5)
                row[f"precision {kind}"], row[f"recall {kind}"] = measured
        if label in tagger.thresholds:
            rates = false_alarms(streams, label, tagger.thresholds[label])
            row |= {f"false {kind}": rate for kind, rate in rates.items()}
        rows[label] = row
    names = dict.fromkeys(name for row in rows.values() for name in row)
    rows["mean"] = {name: _mean([row[name] for row in rows.values() if name in row]) for name in names}
    return rows


def _mean(values: list[float]) -> float:
    known = [value for value in values if not np.isnan(value)]
    return float(np.mean(known)) if known else float("nan")


def printed(rows: dict[str, dict[str, float]]) -> str:
    """The rows as a table in Markdown; "–" where nothing can be said."""
    columns = [f"{measure} {kind}" for kind in ("alone", "speech") for measure in _MEASURES]
    columns += [f"false {kind}" for kind in ("speech", "music", "silence", "noise")]
    lines = ["| label | " + " | ".join(columns) + " |", "|---" * (len(columns) + 1) + "|"]
    for label, row in rows.items():
        cells = [_cell(name, row.get(name, float("nan"))) for name in columns]
        lines.append(f"| {label} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


_MEASURES = ("n", "AP", "nearest", "chance", "precision", "recall")


def _cell(name: str, value: float) -> str:
    if np.isnan(value):
        return "–"
    return f"{value:.0f}" if name.startswith("n ") else f"{value:.1f}" if name.startswith("false") else f"{value:.2f}"


def cost(tagger: SoundTagger[Any], blocks: int = 150) -> float:
    """Seconds of one core for a second of sound."""
    state = tagger.initial_state()
    noise = np.random.default_rng(0).normal(0, 0.05, tagger.hop).astype(np.float32)
    began = time.process_time()
    for _ in range(blocks):
        _, state = tagger.step(noise, state)
    return (time.process_time() - began) / (blocks * tagger.hop / SAMPLE_RATE)


def main() -> None:
    options = argparse.ArgumentParser(description="Score the sound tagger on held-out recordings.")
    options.add_argument("--data", help="the data folder (default: $DUPLEX_DATA or ../shared/data)")
    options.add_argument("--corpus", default="runs/sounds/corpus", help="decoded recordings; built if missing")
    options.add_argument("--split", choices=("dev", "valid"), default="valid")
    options.add_argument("--graph", help="another graph than the shipped one")
    options.add_argument("--json", help="also write the rows to this file")
    arguments = options.parse_args()
    if not (Path(arguments.corpus) / "categories.json").exists():
        build_corpus(data_folder(arguments.data), Path(arguments.corpus))
    tagger = load_tagger(arguments.graph)
    rows = evaluate(tagger, load_corpus(arguments.corpus, arguments.split), load_corpus(arguments.corpus, "fit"))
    print(printed(rows))
    careful = [label for label in CAREFUL if label in tagger.thresholds]
    for kind in ("speech", "music", "silence", "noise"):
        told = sum(rows[label].get(f"false {kind}", 0.0) for label in careful)
        print(f"false warnings an hour of {kind} ({', '.join(careful)}): {told:.2f}")
    print(f"cost: {100 * cost(tagger):.2f} % of a core")
    if arguments.json:
        Path(arguments.json).write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
