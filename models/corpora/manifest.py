"""The data folder that models are trained on: where it is, and what its manifest lists."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import InputError

SPEECH = ("librispeech_tc100_1utt", "librispeech_tc100_3spk", "ljspeech_part1", "speechocean762")
NOISE = ("esc10", "blanket_ambient", "speechcommands_bg")


def data_folder(folder: str | os.PathLike | None = None) -> Path:
    """The data folder: as given, else $DUPLEX_DATA, else ../shared/data beside the checkout. Raises InputError."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    path = Path(folder or os.environ.get("DUPLEX_DATA") or beside)
    if not (path / "manifest.jsonl").is_file():
        raise InputError(f"no manifest.jsonl in {path}: give the data folder with --data or DUPLEX_DATA")
    return path


def rows(folder: Path, datasets: tuple[str, ...], split: str) -> list[dict]:
    """Manifest rows of these datasets and this split."""
    with open(folder / "manifest.jsonl", encoding="utf-8") as lines:
        read = [json.loads(line) for line in lines]
    return [row for row in read if row["dataset"] in datasets and row["split"] == split]


def decode(path: Path) -> np.ndarray:
    """The first channel of a recording of the data folder, (n,) int16. Raises InputError unless it has 16 kHz."""
    import soundfile

    audio, rate = soundfile.read(path, dtype="int16", always_2d=True)
    if rate != SAMPLE_RATE:
        raise InputError(f"{path} has {rate} Hz: the training data must be 16 kHz")
    return audio[:, 0]
