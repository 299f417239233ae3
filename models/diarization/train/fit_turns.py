"""Chooses how probabilities become turns: `python -m duplex.models.diarization.train.fit_turns`.

Tries thresholds, median filters and shortest turns and pauses on simulated conversations of training voices, and prints
the best by mean diarization error rate over numbers of speakers and latencies, beside the defaults. Error rates are
counted in frames of 50 ms, which is quick and differs little.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from duplex.models.corpora.manifest import data_folder
from duplex.models.diarization import load_diarizer
from duplex.models.diarization.feed import probabilities
from duplex.models.diarization.train import evaluate
from duplex.models.diarization.train import scoring as sc
from duplex.models.diarization.train.eval_scenes import Scene, conversations
from duplex.models.diarization.train.speaker_corpus import Voices
from duplex.models.diarization.train.validation import frame_errors
from duplex.models.diarization.turns import TurnSettings

SKIP = 5
"""Of the frames of 10 ms, every so-manieth is counted."""


def candidates() -> Iterator[TurnSettings]:
    for onset, hysteresis in itertools.product((0.4, 0.45, 0.5, 0.55, 0.6), (0.0, 0.1, 0.2)):
        for median, speech, silence in itertools.product((1, 3, 5, 7, 11), (1, 2, 3), (1, 2, 4, 6)):
            yield TurnSettings(onset, round(onset - hysteresis, 2), median, speech, silence)


def rates(scenes: Sequence[Scene], said: Sequence[np.ndarray], settings: TurnSettings) -> dict[str, float]:
    """DER in percent by kind of scene."""
    errors: dict[str, np.ndarray] = {}
    for scene, each in zip(scenes, said, strict=True):
        truth = sc.activity(scene.turns, sc.speakers_of(scene.turns), scene.duration)[::SKIP]
        turns = evaluate.turns_from(each, scene.duration, settings)
        found = sc.activity(turns, sc.speakers_of(turns), scene.duration)[::SKIP]
        errors[scene.kind] = errors.get(scene.kind, np.zeros(4)) + np.array(frame_errors(truth, found))
    return {kind: float(100 * error[:3].sum() / error[3]) for kind, error in errors.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="Choose how probabilities become turns.")
    parser.add_argument("--data", help="data folder; default $DUPLEX_DATA or ../shared/data")
    parser.add_argument("--weights", help="folder of another exported network")
    parser.add_argument("--latency", type=float, nargs="+", default=[0.4, 1.0])
    parser.add_argument("--count", type=int, default=3, help="conversations of a minute with each number of speakers")
    options = parser.parse_args()
    data = data_folder(options.data)
    calls = data / "text" / "earnings22_turns.csv.gz"
    voices = Voices.load(data, "train", rooms=40)
    scenes = [s for n in evaluate.SPEAKERS for s in conversations(voices, calls, n, options.count, 60.0, seed=2)]
    diarizers = [load_diarizer(latency=latency, folder=options.weights) for latency in options.latency]
    said = [probabilities(diarizer, scene.samples) for diarizer in diarizers for scene in scenes]
    repeated = scenes * len(diarizers)

    def mean_rate(settings: TurnSettings) -> float:
        return float(np.mean(list(rates(repeated, said, settings).values())))

    print(f"defaults {TurnSettings()}: {mean_rate(TurnSettings()):.2f} %")
    ranked = sorted(((mean_rate(settings), settings) for settings in candidates()), key=lambda pair: pair[0])
    for rate, settings in ranked[:10]:
        print(f"{rate:.2f} % {settings}")


if __name__ == "__main__":
    main()
