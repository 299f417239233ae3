"""Sentence pairs and their split.

Pairs that share an English or a German sentence, but for case and punctuation, are one group, and so are the pairs that
these share one with. A group is never divided, so no sentence and no paraphrase of it is in two splits.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

from duplex.streaming.errors import InputError

from ..vocabulary import normalized

SPLITS = ("train", "valid", "test")
DATA = "DUPLEX_TRAINING_DATA"
"""Environment variable: folder with the folder text/."""


@dataclass(frozen=True, slots=True)
class Pair:
    """The same in both languages. recognized: what a recognizer made of the English sentence spoken, or ""."""

    en: str
    de: str
    recognized: str = ""

    def sides(self, target: str) -> tuple[str, str]:
        """Source and target text."""
        return (self.en, self.de) if target == "de" else (self.de, self.en)


def key(text: str) -> str:
    """A sentence without case and punctuation."""
    return re.sub(r"[\W_]+", " ", normalized(text).lower()).strip()


def text_folder(folder: str | Path | None = None) -> Path:
    """The folder with the texts: as given, or of the environment. Raises InputError if there is none."""
    chosen = folder or os.environ.get(DATA, "")
    path = Path(chosen) / "text" if chosen else None
    if path is None or not (path / "tatoeba_en_de.tsv.gz").exists():
        raise InputError(f"{path or DATA} holds no tatoeba_en_de.tsv.gz: give --data or set {DATA}")
    return path


def read_pairs(folder: Path) -> list[Pair]:
    """All pairs of tatoeba_en_de.tsv.gz, with recognized English where recognized_speech.jsonl.gz has it."""
    recognized: dict[str, str] = {}
    speech = folder / "recognized_speech.jsonl.gz"
    if speech.exists():
        with gzip.open(speech, "rt", encoding="utf8") as lines:
            for row in map(json.loads, lines):
                if row["recognized"].strip():
                    recognized.setdefault(normalized(row["text"]), normalized(row["recognized"]))
    pairs = []
    with gzip.open(folder / "tatoeba_en_de.tsv.gz", "rt", encoding="utf8") as lines:
        for line in lines:
            english, german = (normalized(side) for side in line.rstrip("\n").split("\t")[:2])
            pairs.append(Pair(english, german, recognized.get(english, "")))
    return pairs


def groups(pairs: list[Pair]) -> list[list[Pair]]:
    """Pairs joined by common sentences, in the order of their first pair."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        while parents[name] != name:
            parents[name] = parents[parents[name]]
            name = parents[name]
        return name

    for pair in pairs:
        parents[root(f"en {key(pair.en)}")] = root(f"de {key(pair.de)}")
    joined: dict[str, list[Pair]] = {}
    for pair in pairs:
        joined.setdefault(root(f"en {key(pair.en)}"), []).append(pair)
    return list(joined.values())


def split(pairs: list[Pair]) -> dict[str, list[Pair]]:
    """Pairs by split. Groups with recognized speech are held out more often, so that real errors can be judged.

    Test 1.2 % (8 % with recognized speech), validation 0.6 % (4 %), by a hash of the group's sentences.
    """
    parts: dict[str, list[Pair]] = {name: [] for name in SPLITS}
    for group in groups(pairs):
        name = min(key(pair.en) for pair in group)
        place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") / 2**64
        test, valid = (0.08, 0.04) if any(pair.recognized for pair in group) else (0.012, 0.006)
        chosen = "test" if place < test else "valid" if place < test + valid else "train"
        parts[chosen].extend(group)
    return parts


def recognition_errors(folder: Path, held_out: set[str]) -> list[tuple[str, str]]:
    """(said, recognized) of all spoken sentences whose `key` is not in `held_out`."""
    rows = []
    with gzip.open(folder / "recognized_speech.jsonl.gz", "rt", encoding="utf8") as lines:
        for row in map(json.loads, lines):
            if key(row["text"]) not in held_out:
                rows.append((normalized(row["text"]), normalized(row["recognized"])))
    return rows


@dataclass(frozen=True)
class Question:
    """A held-out sentence: `source` to translate, every known translation, and what a recognizer made of it."""

    source: str
    references: tuple[str, ...]
    recognized: str = ""


def questions(pairs: list[Pair], target: str) -> list[Question]:
    """Distinct source sentences with all their translations in these pairs, in a fixed, shuffled order."""
    found: dict[str, list[str]] = {}
    heard: dict[str, str] = {}
    for pair in pairs:
        source, translation = pair.sides(target)
        found.setdefault(source, []).append(translation)
        if target == "de" and pair.recognized:
            heard[source] = pair.recognized
    order = sorted(found, key=lambda text: hashlib.sha256(text.encode()).digest())
    return [Question(text, tuple(dict.fromkeys(found[text])), heard.get(text, "")) for text in order]
