"""Words where nobody speaks: noise, music and silence, through a recognizer alone and behind voice activity.

    python -m tests.benchmarks.non_speech --data FOLDER [--minutes 30] [--seed 1] [--engines auto,pocketsphinx]

FOLDER has a manifest.jsonl (speech_rows.py). A third of the time each is noise, music and silence with a hiss, of rows
in which nobody speaks or sings as far as their labels tell. Alone: pieces of five seconds, each an utterance. Behind
activity: one stream, cut into utterances as a session does.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from duplex.conversation.hearing.segmenter import AsrChunk, Segmenter
from duplex.models.asr import load_recognizer
from duplex.models.asr.contract import Hypothesis
from duplex.models.vad import load_vad
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from tests.benchmarks.report import table, versions
from tests.benchmarks.speech_rows import read, without_voices

PIECE = 5 * SAMPLE_RATE


def stream(data: Path, kind: str, seconds: float, seed: int) -> np.ndarray:
    """Rows of a kind, at 0.05 to 1 of their level, with half a second of hiss in between; or hiss alone."""
    random = np.random.default_rng(seed)
    parts: list[np.ndarray] = []
    found = [row for row in without_voices(data) if row["kind"] == kind]
    length, wanted = 0, round(seconds * SAMPLE_RATE)
    while length < wanted:
        sound = np.zeros(10 * SAMPLE_RATE, np.float32)
        if found:
            sound = read(data, found[int(random.integers(len(found)))])[: 20 * SAMPLE_RATE]
            sound = sound * np.float32(10 ** random.uniform(-1.3, 0))
        gap = SAMPLE_RATE // 2 if found else 0
        hiss = random.normal(0, 10 ** random.uniform(-5, -3), len(sound) + gap).astype(np.float32)
        hiss[: len(sound)] += sound
        parts.append(hiss)
        length += len(hiss)
    return np.concatenate(parts)[:wanted]


def hear(recognizer: Any, samples: np.ndarray) -> list[Hypothesis]:
    state, hypotheses = recognizer.initial_state(1), []
    for at in range(0, len(samples) - recognizer.hop + 1, recognizer.hop):
        hypothesis, state = recognizer.step(samples[at : at + recognizer.hop], state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    return [*hypotheses, recognizer.flush(state)]


class Nobody:
    """A listener to activity that does nothing."""

    def speech_started(self, at: int, onset: int, party: str) -> None: ...

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None: ...

    def utterance_opened(self, party: str) -> None: ...


def utterances(samples: np.ndarray) -> list[np.ndarray]:
    """What a session would give the recognizer."""
    found: dict[int, list[np.ndarray]] = {}

    def put(chunk: AsrChunk) -> None:
        found.setdefault(chunk.utterance, []).append(chunk.samples)

    segmenter = Segmenter("user", Nobody(), load_vad(), put)
    for at in range(0, len(samples) - FRAME + 1, FRAME):
        segmenter.perceive(AudioChunk(at, samples[at : at + FRAME]))
    segmenter.finish()
    return [np.concatenate(parts) for parts in found.values()]


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=1, help="of what is drawn; guards were chosen on that of 1")
    parser.add_argument("--engines", default="auto,pocketsphinx")
    args = parser.parse_args()
    print(versions(["duplex", "onnxruntime", "pocketsphinx"]))
    each = args.minutes * 60 / 3
    sounds = {
        kind: stream(args.data, kind, each, seed)
        for seed, kind in enumerate(("noise", "music", "silence"), start=args.seed)
    }
    for name in args.engines.split(","):
        recognizer = load_recognizer(name, language="en")
        lines = []
        for kind, samples in sounds.items():
            ways = {
                "alone": [samples[at : at + PIECE] for at in range(0, len(samples), PIECE)],
                "behind activity": utterances(samples),
            }
            for way, pieces in ways.items():
                shown, kept, texts = 0, 0, Counter[str]()
                began = time.process_time()
                for piece in pieces:
                    hypotheses = hear(recognizer, piece)
                    shown += any(hypothesis.words for hypothesis in hypotheses[:-1])
                    kept += len(hypotheses[-1].words)
                    if hypotheses[-1].words:
                        texts[hypotheses[-1].text[:40]] += 1
                cost = (time.process_time() - began) / max(1, sum(map(len, pieces))) * SAMPLE_RATE
                said = ", ".join(f"{text!r} {count}" for text, count in texts.most_common(4))
                lines.append([f"{kind}, {way}", len(pieces), kept, shown, f"{cost:.3f}", said])
        recognizer.close()
        print(f"{recognizer.name}: {args.minutes:g} minutes")
        print(table(["", "utterances", "words", "with partials", "RTF", "the most frequent"], lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
