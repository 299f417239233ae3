"""How surely a voice is known again: equal error rate of speaker embeddings, on people nobody trained on.

python -m tests.benchmarks.known_voices DATA

Each speaker of `valid` (speechocean762, 15 people who speak English as a second language, one microphone) enrolls with
some seconds of speech, and every further stretch of theirs is compared with every enrolment.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from duplex.models import store
from duplex.models.corpora.manifest import decode, rows
from duplex.models.diarization.segmentation import ENTRY
from duplex.models.diarization.segmentation.fbank import fbank
from duplex.models.diarization.segmentation.networks import Embedder
from duplex.models.diarization.segmentation.voices import SAME
from duplex.streaming.audio import SAMPLE_RATE
from tests.benchmarks.report import table, versions


def stretches(data: Path, seconds: float) -> Iterator[tuple[str, np.ndarray]]:
    """(speaker, samples): utterances of one speaker joined until they last so long."""
    held: dict[str, np.ndarray] = {}
    for row in rows(data, ("speechocean762",), "valid"):
        speaker = row["speaker"]
        samples = decode(data / row["path"]).astype(np.float32) / 32_768
        held[speaker] = np.concatenate([held.get(speaker, samples[:0]), samples])
        if len(held[speaker]) >= seconds * SAMPLE_RATE:
            yield speaker, held.pop(speaker)


def trials(embedder: Embedder, data: Path, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Likenesses of stretches with the enrolment of the same speaker, and with those of all others."""
    enrolled: dict[str, np.ndarray] = {}
    tests: list[tuple[str, np.ndarray]] = []
    for speaker, samples in stretches(data, seconds):
        embedding = embedder(fbank(samples))
        if enrolled.setdefault(speaker, embedding) is not embedding:
            tests.append((speaker, embedding))
    same = [float(heard @ enrolled[speaker]) for speaker, heard in tests]
    other = [float(heard @ mean) for speaker, heard in tests for name, mean in enrolled.items() if name != speaker]
    return np.array(same), np.array(other)


def equal_error(same: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """(rate, threshold) at which as many are refused wrongly as are accepted wrongly."""
    thresholds = np.sort(np.concatenate([same, other]))
    refused = np.searchsorted(np.sort(same), thresholds) / len(same)
    accepted = 1 - np.searchsorted(np.sort(other), thresholds) / len(other)
    best = int(np.argmin(np.abs(refused - accepted)))
    return float((refused[best] + accepted[best]) / 2), float(thresholds[best])


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    args = parser.parse_args()
    print(versions(["onnxruntime", "numpy"]), "\n")
    embedder = Embedder(store.fetch(ENTRY))
    found = []
    for seconds in (3.0, 6.0):
        same, other = trials(embedder, args.data, seconds)
        rate, threshold = equal_error(same, other)
        pairs = f"{len(same)} + {len(other)}"
        missed, taken = 100 * float((same < SAME).mean()), 100 * float((other >= SAME).mean())
        found.append([f"{seconds:g} s", pairs, 100 * rate, f"{threshold:.2f}", missed, taken])
    heads = ["stretches of", "same + other", "equal error %", "at", f"at {SAME:g}: not known %", "taken for another %"]
    print(table(heads, found))


if __name__ == "__main__":
    main()
