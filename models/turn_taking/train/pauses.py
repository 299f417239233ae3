"""Real pauses of read speech: the end of an utterance, and the pauses within it, as a session meets them.

    python -m duplex.models.turn_taking.train.pauses DATA OUT.jsonl [--split train] [--utterances 50]

DATA is a folder with manifest.jsonl and audio. Writes what Moonshine tiny makes of the sound up to each pause, as
{"text", "end", "path", "at"}: they show what a recognizer's punctuation is worth (CARD.md).
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.vad import load_vad
from duplex.streaming.audio import SAMPLE_RATE, to_mono
from duplex.streaming.resample import resample

HEARD = round(0.2 * SAMPLE_RATE)
"""Samples of the pause that are heard before anybody decides."""
LEAST = round(0.25 * SAMPLE_RATE)
"""Samples of silence that make a pause."""
DATASETS = ("librispeech_tc100_3spk", "librispeech_tc100_1utt", "ljspeech_part1", "speechocean762")


@dataclass(frozen=True, slots=True)
class Pause:
    """samples: (n,) float32 at 16 kHz, all that was heard. end: whether the utterance is over. at: seconds."""

    samples: np.ndarray
    end: bool
    path: str
    at: float


def pauses(samples: np.ndarray, path: str, inner: int, rng: random.Random) -> Iterator[Pause]:
    """The end of the utterance, and up to `inner` pauses within it."""
    spoken = list(_spoken(samples))
    if not spoken:
        return
    breaks = [end for (_, end), (start, _) in itertools.pairwise(spoken) if start - end >= LEAST]
    breaks = [each for each in breaks if each - spoken[0][0] >= SAMPLE_RATE]
    padded = np.concatenate([samples, np.zeros(HEARD, np.float32)])
    for at in sorted(rng.sample(breaks, min(inner, len(breaks)))):
        yield Pause(padded[: at + HEARD], False, path, at / SAMPLE_RATE)
    at = spoken[-1][1]
    yield Pause(padded[: at + HEARD], True, path, at / SAMPLE_RATE)


def corpus(data: Path, split: str, utterances: int, seed: int = 0, longest: float = 12.0) -> Iterator[Pause]:
    """Pauses of so many utterances, evenly of each of DATASETS that the split has."""
    import soundfile

    rows = [json.loads(line) for line in (data / "manifest.jsonl").read_text().splitlines()]
    rng = random.Random(seed)
    sets = [
        [row for row in rows if (row["dataset"], row["split"]) == (name, split) and row["dur"] <= longest]
        for name in DATASETS
    ]
    sets = [rows for rows in sets if rows]
    for rows in sets:
        for row in rng.sample(rows, min(utterances // len(sets), len(rows))):
            samples, rate = soundfile.read(data / row["path"], dtype="float32")
            yield from pauses(resample(to_mono(samples), rate, SAMPLE_RATE), row["path"], 3, rng)


def _spoken(samples: np.ndarray) -> Iterator[tuple[int, int]]:
    detector = load_vad()
    state, onset = detector.initial_state(), 0
    for at in range(0, len(samples) - detector.hop + 1, detector.hop):
        frame, state = detector.step(samples[at : at + detector.hop], state)
        onset = onset if frame.onset is None else frame.onset
        if frame.offset is not None:
            yield onset, frame.offset
    last = detector.flush(state)
    if last is not None and last.offset is not None:
        yield onset, last.offset


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--split", default="train")
    parser.add_argument("--utterances", type=int, default=50)
    options = parser.parse_args()
    from duplex.models.asr import load_recognizer

    recognizer = load_recognizer("moonshine-tiny", language="en")
    with options.out.open("w", encoding="utf-8") as out:
        for pause in corpus(options.data, options.split, options.utterances):
            text = " ".join(word.text for word in recognizer.transcribe(pause.samples))
            row = {"text": text, "end": pause.end, "path": pause.path, "at": round(pause.at, 3)}
            out.write(json.dumps(row, ensure_ascii=False) + "\n")
            out.flush()


if __name__ == "__main__":
    main()
