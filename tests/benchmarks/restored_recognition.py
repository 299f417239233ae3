"""Does restoration help recognition? Word error rate on noisy speech, raw and restored.

    python -m tests.benchmarks.restored_recognition --data FOLDER [--count 24] [--recognizer moonshine-tiny-en]
        [--engines lite tuned …]

FOLDER has a manifest.jsonl with rows of path, dataset, split, text or label. Speech with transcripts and noises of the
split "valid" are mixed at each signal-to-noise ratio; noise is removed by each engine, and the task `auto` tried.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

import numpy as np

from duplex.batch.restore import Restorer
from duplex.models.asr import load_recognizer
from duplex.models.restoration.contract import DENOISERS
from duplex.models.restoration.engines import BEST_LIVE
from tests.benchmarks.report import table, versions
from tests.benchmarks.speech_rows import NOISES, errors, mixed, read, rows


def words(text: str) -> list[str]:
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def recognize(recognizer, samples: np.ndarray) -> list[str]:
    state = recognizer.initial_state(1)
    hop = recognizer.hop
    padded = np.pad(samples, (0, -len(samples) % hop)).astype(np.float32)
    for at in range(0, len(padded), hop):
        _, state = recognizer.step(padded[at : at + hop], state)
    return words(recognizer.flush(state).text)


def restored(variant: str, samples: np.ndarray) -> np.ndarray:
    """By an engine, or by the task "auto"."""
    restorer = Restorer("auto") if variant == "auto" else Restorer("enhance", engine=variant)
    return np.concatenate([restorer.step(samples), restorer.flush()])[restorer.latency :]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--count", type=int, default=24)
    parser.add_argument("--recognizer", default="auto")
    parser.add_argument("--engines", nargs="+", default=["lite", BEST_LIVE["enhance"]], choices=(*DENOISERS, "lite"))
    args = parser.parse_args()
    known = rows(args.data)
    random = np.random.default_rng(0)
    spoken = [row for row in known if row.get("text") and row["dataset"].startswith("librispeech")]
    noises = [row for row in known if row["dataset"] in NOISES]
    spoken = [spoken[i] for i in random.permutation(len(spoken))[: args.count]]
    recognizer = load_recognizer(args.recognizer, live=False)
    conditions = [("clean", None), ("20 dB", 20.0), ("10 dB", 10.0), ("5 dB", 5.0)]
    variants = ["raw", *args.engines, "auto"]
    wrong = {(condition, variant): 0 for condition, _ in conditions for variant in variants}
    total = 0
    for row in spoken:
        speech = read(args.data, row)
        reference = words(row["text"])
        total += len(reference)
        noise = read(args.data, noises[int(random.integers(len(noises)))])
        for condition, snr in conditions:
            sound = speech if snr is None else mixed(speech, noise, snr)
            for variant in variants:
                heard = recognize(recognizer, sound if variant == "raw" else restored(variant, sound))
                wrong[condition, variant] += errors(reference, heard)
    recognizer.close()
    print(versions(["duplex", "onnxruntime"]))
    print(f"{len(spoken)} utterances, {total} words; word error rate in %")
    lines = [
        [condition, *(100 * wrong[condition, variant] / total for variant in variants)] for condition, _ in conditions
    ]
    print(table(["", *variants], lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
