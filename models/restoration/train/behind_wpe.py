"""What the network behind WPE hears in training: echoing speech from which the prediction has been taken.

WPE needs seconds to fit and a fifth of a second to compute, so the pairs are made once; a step takes a part of each.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.contract import TASKS
from duplex.models.restoration.engines.wpe import dereverberated
from duplex.models.restoration.train.mixtures import Mixer

SECONDS = 8
"""Of a pair."""

CLEAN = 0.06
"""Share of pairs without a room: they are to be left alone."""


def build_pairs(cache: Path, count: int, split: str = "train", seed: int = 0) -> Path:
    """Makes `count` pairs in `cache`, a mixture cache that is filled, unless they are there. Returns their file."""
    path = cache / f"behind-wpe-{split}.npy"
    if path.exists():
        return path
    mixer, length = Mixer(cache, split), SECONDS * SAMPLE_RATE
    rng = np.random.default_rng([seed, 11, split == "train"])
    begun = path.with_suffix(".begun.npy")
    pairs = np.lib.format.open_memmap(begun, "w+", np.int16, (count, 2, length))
    for pair in pairs:
        heard, clean = mixer.draw("dereverb", rng, length)
        if rng.random() < CLEAN:
            heard = clean
        pair[0], pair[1] = (np.clip(each, -1, 1) * 32767 for each in (dereverberated(heard), clean))
    pairs.flush()
    return begun.rename(path)


class Pairs:
    """Draws from what `build_pairs` made; stands in for a Mixer."""

    def __init__(self, path: Path) -> None:
        self._pairs = np.load(path, mmap_mode="r")

    def batch(self, rng: np.random.Generator, size: int, length: int, tasks: dict[str, float] | None = None):
        """(what is heard, clean, task numbers): (size, length) float32 twice and (size,) int64; level of its own."""
        found = []
        for index in rng.integers(len(self._pairs), size=size):
            at = int(rng.integers(self._pairs.shape[2] - length + 1))
            part = self._pairs[index, :, at : at + length].astype(np.float32) / 32768
            found.append(part * np.float32(10 ** (rng.uniform(-30, 0) / 20) / max(float(np.abs(part[0]).max()), 1e-3)))
        heard, clean = np.stack(found, axis=1)
        return heard, clean, np.full(size, TASKS.index("dereverb"), np.int64)
