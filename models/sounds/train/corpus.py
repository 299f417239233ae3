"""The recordings that scenes are made of, decoded once and kept in a folder."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.corpora.bank import Bank, decoded_bank
from duplex.models.corpora.rooms import recorded_rooms, simulate_rooms
from duplex.models.sounds.train.categories import SPEECH_SETS, category, held_out, source

SPLITS = ("fit", "dev", "valid")
"""fit and dev: sources of the manifest's train; valid: its valid."""

MOST_OF_A_SPEAKER = 150.0
"""Seconds of one voice that are used."""


@dataclass(frozen=True)
class Corpus:
    """sounds, speech: banks; categories: of the groups of `sounds`; rooms: (count, 16000) float16."""

    sounds: Bank
    categories: tuple[str, ...]
    speech: Bank
    rooms: np.ndarray

    def of_category(self, name: str) -> np.ndarray:
        """Items of `sounds` of this category."""
        return np.flatnonzero(self.sounds.groups == self.categories.index(name))


def build_corpus(data: Path, cache: Path, rooms: int = 240) -> None:
    """Decodes into `cache`; what is there is kept."""
    cache.mkdir(parents=True, exist_ok=True)
    if (cache / "categories.json").exists():
        return
    with open(data / "manifest.jsonl", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    rows = [r for r in rows if r["kind"] in ("noise", "music") or r["dataset"] in SPEECH_SETS]
    dev = held_out([r for r in rows if r["split"] == "train"])
    split_of = {r["path"]: "valid" if r["split"] == "valid" else "dev" if source(r) in dev else "fit" for r in rows}
    names = sorted({category(r) for r in rows if r["kind"] != "speech"})
    responses = _rooms(data, rooms)
    for split in SPLITS:
        own = [r for r in rows if split_of[r["path"]] == split]
        sounds = [r for r in own if r["kind"] != "speech"]
        decoded_bank(data, sounds, [names.index(category(r)) for r in sounds]).save(cache / f"sounds-{split}")
        speech = _some_of_each(own)
        voices = sorted({source(r) for r in speech})
        decoded_bank(data, speech, [voices.index(source(r)) for r in speech]).save(cache / f"speech-{split}")
        np.save(cache / f"rooms-{split}.npy", responses[split == "valid"])
    (cache / "categories.json").write_text(json.dumps(names))


def load_corpus(cache: str | os.PathLike, split: str) -> Corpus:
    cache = Path(cache)
    names = tuple(json.loads((cache / "categories.json").read_text()))
    sounds, speech = (Bank.load(cache / f"{kind}-{split}") for kind in ("sounds", "speech"))
    return Corpus(sounds, names, speech, np.load(cache / f"rooms-{split}.npy"))


def _some_of_each(rows: list[dict]) -> list[dict]:
    taken: defaultdict[str, float] = defaultdict(float)
    chosen = []
    for row in (r for r in rows if r["kind"] == "speech"):
        if taken[source(row)] < MOST_OF_A_SPEAKER:
            taken[source(row)] += row["dur"]
            chosen.append(row)
    return chosen


def _rooms(data: Path, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Real and simulated responses for training, and simulated ones for validation: direct sound first, of height 1."""
    fit = simulate_rooms(count, np.random.default_rng(0))
    return np.concatenate([recorded_rooms(data, "train"), fit]), simulate_rooms(40, np.random.default_rng(1))
