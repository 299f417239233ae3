"""Recordings of the data folder decoded once and kept end to end in memory-mapped files, for trainings to draw from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.corpora.manifest import decode


@dataclass(frozen=True)
class Bank:
    """Recordings laid end to end: samples (n,) int16, start offsets (items + 1,), group number of each item."""

    samples: np.ndarray
    starts: np.ndarray
    groups: np.ndarray

    def __len__(self) -> int:
        return len(self.starts) - 1

    def item(self, index: int) -> np.ndarray:
        """Item `index`, (n,) float32."""
        return self.samples[self.starts[index] : self.starts[index + 1]].astype(np.float32) / 32768.0

    def crop(self, index: int, length: int, rng: np.random.Generator) -> np.ndarray:
        """A random crop of `length` samples, (length,) float32; short items are repeated."""
        start, end = int(self.starts[index]), int(self.starts[index + 1])
        if end - start <= length:
            return np.resize(self.item(index), length)
        at = start + int(rng.integers(0, end - start - length))
        return self.samples[at : at + length].astype(np.float32) / 32768.0

    def save(self, path: Path) -> None:
        """To `path`.samples.npy and `path`.index.npz."""
        np.save(path.with_suffix(".samples.npy"), self.samples)
        np.savez(path.with_suffix(".index.npz"), starts=self.starts, groups=self.groups)

    @classmethod
    def load(cls, path: Path) -> Bank:
        """What `save` wrote, the samples memory-mapped."""
        index = np.load(path.with_suffix(".index.npz"))
        return cls(np.load(path.with_suffix(".samples.npy"), mmap_mode="r"), index["starts"], index["groups"])


def decoded_bank(folder: Path, rows: Sequence[dict], groups: Sequence[int]) -> Bank:
    """The recordings of manifest rows, each with its group number."""
    decoded = [decode(folder / row["path"]) for row in rows]
    starts = np.cumsum([0] + [len(audio) for audio in decoded])
    return Bank(np.concatenate(decoded), starts, np.asarray(groups, np.int64))
