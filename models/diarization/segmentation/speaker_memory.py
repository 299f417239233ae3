"""The speakers of a stream: its voices are clustered anew whenever some are added, and speakers keep their places.

A decision that was right for what had been heard then need not be kept: voices that turn out to be one person's become
one speaker, and one speaker who turns out to be two becomes two, from there on.
"""

from __future__ import annotations

import numpy as np

from duplex.models.diarization.segmentation.clustering import agglomerate, assign
from duplex.models.diarization.segmentation.voices import SAME

MOST = 160
"""Voices that are remembered one by one; beyond, the older half are kept as one voice for each speaker."""

_KNOWN_WEIGHT = 50.0
"""Frames that the recording of a known voice counts for."""
_KNOWN_PLACE = -1
"""The window in which those who enrolled were heard, so to speak: no two of them are one person."""


class SpeakerMemory:
    """known: (n, 192), embeddings of those who enrolled; they are speakers 0 to n - 1. most: speakers at most.

    Attributes:
        means: (most, 192), what each speaker sounds like, of length 1; 0 for those there are not.
    """

    def __init__(self, known: np.ndarray, most: int) -> None:
        count = len(known)
        self.means = np.zeros((most, known.shape[1]), np.float32)
        self.means[:count] = known
        self._known = count
        self._opened = count
        self._embeddings = known.astype(np.float32)
        self._weights = np.full(count, _KNOWN_WEIGHT)
        self._places = np.full(count, _KNOWN_PLACE)
        self._speakers = np.arange(count)

    @property
    def nbytes(self) -> int:
        arrays = (self.means, self._embeddings, self._weights, self._places, self._speakers)
        return sum(array.nbytes for array in arrays)

    def add(self, embeddings: np.ndarray, frames: np.ndarray, window: int) -> np.ndarray:
        """One or more voices of one window, heard alone for so many frames each. Returns their speakers; -1: of those
        for whom there was no room."""
        count = len(embeddings)
        self._keep(
            np.concatenate([self._embeddings, embeddings]),
            np.concatenate([self._weights, frames]),
            np.concatenate([self._places, np.full(count, window)]),
            np.concatenate([self._speakers, np.full(count, -1)]),
        )
        labels = agglomerate(self._embeddings, self._places, 1 - SAME, self._weights)
        self._speakers = self._placed(labels)[labels]
        found = self._speakers[-count:]
        if len(self._embeddings) > MOST:
            self._thin_out()
        self.means[:] = 0
        for speaker in np.unique(self._speakers[self._speakers >= 0]):
            self.means[speaker] = self._mean(self._speakers == speaker)
        return found

    def _keep(self, embeddings: np.ndarray, weights: np.ndarray, places: np.ndarray, speakers: np.ndarray) -> None:
        self._embeddings, self._weights, self._places, self._speakers = embeddings, weights, places, speakers

    def _placed(self, labels: np.ndarray) -> np.ndarray:
        """The speaker of each cluster: whoever most of it was before, else a new one."""
        votes = np.zeros((labels.max() + 1, len(self.means)))
        before = self._speakers >= 0
        np.add.at(votes, (labels[before], self._speakers[before]), self._weights[before])
        votes[labels[: self._known], np.arange(self._known)] = np.inf  # who enrolled is whoever they are
        speakers = np.array(assign(np.where(votes > 0, votes, -np.inf)))
        for cluster in np.flatnonzero(speakers < 0):
            if self._opened < len(self.means):
                speakers[cluster] = self._opened
                self._opened += 1
            else:  # those who turned out to be somebody else leave their places
                unused = np.setdiff1d(np.arange(len(self.means)), speakers)
                speakers[cluster] = unused[0] if len(unused) else -1
        return speakers

    def _thin_out(self) -> None:
        """What the older half say of each speaker becomes one voice."""
        index = np.arange(len(self._speakers))
        half = max(self._known, len(index) // 2)
        old, speakers = index[self._known : half], self._speakers[self._known : half]
        merged = [old[speakers == speaker] for speaker in np.unique(speakers[speakers >= 0])]
        groups = [*index[: self._known, None], *merged, *index[half:, None]]
        self._keep(
            np.stack([self._mean(group) for group in groups]).astype(np.float32),
            np.array([self._weights[group].sum() for group in groups]),
            np.array([self._places[group].max() for group in groups]),
            np.array([self._speakers[group[0]] for group in groups]),
        )

    def _mean(self, chosen: np.ndarray) -> np.ndarray:
        total = self._weights[chosen] @ self._embeddings[chosen]
        return total / max(float(np.linalg.norm(total)), 1e-9)
