"""Figures against a clean recording: PESQ-WB, ESTOI, SI-SDR and log-spectral distance, before and after.

They are defined for utterances. A recording of up to 30 s is scored as one; of a longer one, segments of 30 s, spread
evenly, are scored and their means taken, so that memory does not grow with it. All at 16 kHz, on the channels' mean.
"""

from __future__ import annotations

import importlib.util
import math
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from duplex.audio_files.decoder import open_audio
from duplex.streaming.resample import resampler

RATE = 16_000
SEGMENT = 30 * RATE
MOST_SEGMENTS = 10

_QUIET = 1e-4


def missing_packages() -> list[str]:
    """What has to be installed for PESQ and ESTOI."""
    return [name for name in ("pesq", "pystoi") if importlib.util.find_spec(name) is None]


def compare(before: str, after: str, reference: str) -> tuple[dict[str, Any], list[str]]:
    """({"before": figures, "after": figures, "reference": path, "segments": n}, notes).

    A figure that cannot be computed is None. Raises InputError if one of the three cannot be read.
    """
    notes: list[str] = []
    paths = [reference, before, after]
    lengths = [_seconds(path) for path in paths]
    if abs(lengths[0] - lengths[1]) > 0.1:
        notes.append(
            f"the reference is {lengths[0]:.2f} s long, the recording {lengths[1]:.2f} s: scored while both last"
        )
    total = round(min(lengths) * RATE)
    count = min(MOST_SEGMENTS, max(1, math.ceil(total / SEGMENT)))
    starts = [round(at) for at in np.linspace(0, max(0, total - SEGMENT), count)]
    scores: dict[str, list[dict[str, float]]] = {"before": [], "after": []}
    for clean, *others in zip(*(_segments(path, starts) for path in paths), strict=False):
        length = min(len(clean), *map(len, others))
        clean = clean[:length]
        if length < RATE // 4 or np.sqrt(np.mean(np.square(clean))) < _QUIET:
            continue
        for side, audio in zip(("before", "after"), others, strict=True):
            scores[side].append(_score(clean, audio[:length]))
    absent = missing_packages()
    if absent:
        notes.append(f"PESQ and ESTOI need packages that are not installed: pip install {' '.join(absent)}")
    if not scores["before"]:
        notes.append("the reference is silent: nothing to compare with")
    result: dict[str, Any] = {side: _means(rows) for side, rows in scores.items()}
    return {**result, "reference": reference, "segments": len(scores["before"])}, notes


def _score(clean: np.ndarray, audio: np.ndarray) -> dict[str, float]:
    from duplex.models.restoration.metrics import log_spectral_distance, score, si_sdr

    if not missing_packages():
        try:
            with warnings.catch_warnings(record=True) as raised:
                warnings.simplefilter("always")
                figures = score(clean, audio)
            if any("Not enough STFT frames" in str(each.message) for each in raised):
                figures["estoi"] = math.nan  # pystoi returns 1e-5 for too little speech
            return figures
        except Exception:  # pesq raises its own kinds for sound it cannot align
            pass
    figures = {"si_sdr": si_sdr(clean, audio)}
    if len(clean) >= 512:
        figures["lsd"] = log_spectral_distance(clean, audio)
    return figures


def _means(rows: list[dict[str, float]]) -> dict[str, float | None]:
    means: dict[str, float | None] = {}
    for name in ("pesq", "estoi", "si_sdr", "lsd"):
        values = [row[name] for row in rows if name in row and math.isfinite(row[name])]
        means[name] = round(sum(values) / len(values), 4) if values else None
    return means


def _segments(path: str, starts: list[int]) -> Iterator[np.ndarray]:
    """SEGMENT samples from each of `starts`, which ascend; fewer where the recording ends."""
    held, at, index = np.zeros(0, np.float32), 0, 0
    for block in _mono(path):
        held = np.concatenate([held, block])
        skipped = min(len(held), max(0, starts[index] - at))
        held, at = held[skipped:], at + skipped
        while len(held) >= SEGMENT and at == starts[index]:
            yield held[:SEGMENT]
            index += 1
            if index == len(starts):
                return
            skipped = min(len(held), starts[index] - at)
            held, at = held[skipped:], at + skipped
    if at == starts[index] and len(held):
        yield held


def _mono(path: str) -> Iterator[np.ndarray]:
    """The channels' mean at 16 kHz."""
    with open_audio(Path(path)) as reader:
        convert = resampler(reader.format.sample_rate, RATE, live=False)
        for block in reader.blocks():
            yield convert.push(block.mean(axis=1).astype(np.float32))
        yield convert.flush()


def _seconds(path: str) -> float:
    """How long a recording is: what it says, else what decoding it yields."""
    with open_audio(Path(path)) as reader:
        if reader.seconds is not None:
            return reader.seconds
        return sum(len(block) for block in reader.blocks()) / reader.format.sample_rate
