"""The data folder that models are trained on: where it is, and what its manifest lists."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError

SPEECH = ("librispeech_tc100_1utt", "librispeech_tc100_3spk", "ljspeech_part1", "speechocean762")
NOISE = ("esc10", "blanket_ambient", "speechcommands_bg")

# "fishin" of librosa_examples is a song with a singer, though its label is that of music.
_VOICES = re.compile(r"fishin|voice|crowd|babble|speech|baby|vocal|laugh|scream|choir|shout|talk", re.I)


def data_folder(folder: str | os.PathLike | None = None) -> Path:
    """The data folder: as given, else $DUPLEX_DATA, else ../shared/data beside the checkout. Raises InputError."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(folder or os.environ.get("DUPLEX_DATA") or beside)
    if not (path / "manifest.jsonl").is_file():
        raise InputError(f"no manifest.jsonl in {path}: give the data folder with --data or DUPLEX_DATA")
    return path


def all_rows(folder: Path, split: str) -> list[dict[str, Any]]:
    """Manifest rows of this split."""
    with open(folder / "manifest.jsonl", encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if row["split"] == split]


def rows(folder: Path, datasets: tuple[str, ...], split: str) -> list[dict[str, Any]]:
    """Manifest rows of these datasets and this split."""
    return [row for row in all_rows(folder, split) if row["dataset"] in datasets]


def voiceless(known: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of noise and music in which nobody speaks or sings, as far as label and path tell."""
    return [
        row
        for row in known
        if row.get("kind") in ("noise", "music") and not _VOICES.search(f"{row.get('label')} {row['path']}")
    ]


def decode(path: Path) -> np.ndarray:
    """The first channel of a recording of the data folder, (n,) int16. Raises InputError unless it has 16 kHz."""
    import soundfile

    audio, rate = soundfile.read(path, dtype="int16", always_2d=True)
    if rate != SAMPLE_RATE:
        raise InputError(f"{path} has {rate} Hz: the training data must be 16 kHz")
    return audio[:, 0]
