"""What the benchmarks of recognition share: rows of the data's manifest, noises, and words to count errors in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from duplex.models.corpora.manifest import voiceless
from duplex.models.turn_taking.end_of_turn import spoken_words

NOISES = ("esc10", "blanket_ambient", "speechcommands_bg")
_SHORT = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint"}


@dataclass(frozen=True, slots=True)
class Said:
    """A recording with what is said in it, in words as `words` has them."""

    samples: np.ndarray
    reference: list[str]


def rows(data: Path, split: Iterable[str] = ("valid",)) -> list[dict[str, Any]]:
    """Rows of FOLDER/manifest.jsonl: path, dataset, split, kind, text or label."""
    wanted = set(split)
    lines = (data / "manifest.jsonl").read_text("utf-8").splitlines()
    return [row for row in map(json.loads, lines) if row["split"] in wanted]


def read(data: Path, row: dict[str, Any]) -> np.ndarray:
    """(n,) float32 at 16 kHz."""
    samples, rate = soundfile.read(data / row["path"], dtype="float32", always_2d=True)
    assert rate == 16_000, row["path"]
    return np.ascontiguousarray(samples[:, 0])


def spoken(data: Path, dataset: str, limit: int, seed: int = 0, skip: int = 0) -> list[Said]:
    """At most `limit` rows of the split `valid` with transcripts, after `skip` others, drawn by seed, of datasets whose
    name begins so."""
    found = [row for row in rows(data) if row.get("text") and row["dataset"].startswith(dataset)]
    order = np.random.default_rng(seed).permutation(len(found))[skip : skip + limit]
    return [Said(read(data, found[i]), words(found[i]["text"])) for i in sorted(order.tolist())]


def without_voices(data: Path) -> list[dict[str, Any]]:
    """Noise and music, of both splits, in which nobody speaks or sings, as far as label and path tell."""
    return voiceless(rows(data, ("train", "valid")))


def mixed(speech: np.ndarray, noise: np.ndarray, snr: float) -> np.ndarray:
    """snr: in dB, of the whole signals."""
    noise = np.resize(noise, len(speech))
    power = np.mean(speech**2) / max(1e-12, float(np.mean(noise**2)))
    return np.clip(speech + noise * np.sqrt(power * 10 ** (-snr / 10)), -1, 1).astype(np.float32)


def words(text: str) -> list[str]:
    """Lower case, without punctuation, numbers and titles in words."""
    return [_SHORT.get(word, word) for word in spoken_words(text)]


def errors(reference: Sequence[str], heard: Sequence[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(heard) + 1))
    for i, word in enumerate(reference, 1):
        before, row[0] = row[:], i
        for j, other in enumerate(heard, 1):
            row[j] = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (word != other))
    return row[-1]
