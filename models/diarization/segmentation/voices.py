"""The voices of a window, and those that are known beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.segmentation.networks import (
    PUBLISHED,
    WINDOW,
    Embedder,
    Segmenter,
    evenly,
    features_of,
)
from duplex.streaming.audio import SAMPLE_RATE, as_float32
from duplex.streaming.errors import InputError, SettingsError

SAME = 0.4
"""Cosine likeness of two embeddings from which they are taken for one voice."""

ENROLMENT_SECONDS = 15.0
"""Of each enrolled voice that are used."""

_MISTAKABLE = 0.7
"""Likeness of two enrolled voices that would be taken for each other: most recordings of one voice are as alike."""
_PER_FRAME = 10
"""Features in a frame."""
_LEAST = 2
"""Frames of a voice that an embedding is made of."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What a window holds. activity: (frames, voices), probabilities. alone: (voices,), frames in which each is heard
    alone. features: (10 · frames, 80)."""

    activity: np.ndarray
    alone: np.ndarray
    features: np.ndarray


class Listener:
    """Both networks. folder: of the model store. weights: of a segmentation that was trained further; None: the
    published ones. Raises ModelError."""

    def __init__(self, folder: Path, weights: Path | None = None) -> None:
        self._segmenter = Segmenter(weights or folder / PUBLISHED)
        self._embedder = Embedder(folder)

    def hear(self, samples: np.ndarray) -> Heard:
        """samples: (n,), n a multiple of 1600."""
        activity = self._segmenter(samples)
        return Heard(activity, _alone(activity).sum(axis=0), features_of(samples))

    def embedding(self, heard: Heard, voice: int, most: int = WINDOW) -> np.ndarray | None:
        """Of one of a window's voices: (192,), from up to `most` of the frames in which it is heard alone, or at all
        where there are too few of those; None if it is not heard."""
        frames = _alone(heard.activity)[:, voice]
        if frames.sum() < _LEAST:
            frames = heard.activity[:, voice] > 0.5
        if frames.sum() < _LEAST:
            return None
        chosen = evenly(np.flatnonzero(frames), most)
        places = chosen[:, None] * _PER_FRAME + np.arange(_PER_FRAME)
        return self._embedder(heard.features[places.ravel()])

    def known(self, enrolled: Sequence[tuple[str, np.ndarray]], max_speakers: int) -> np.ndarray:
        """(voices, 192) of people who enrolled, (name, samples at 16 kHz) each.

        Raises SettingsError for more than may be told apart, InputError for a voice with too little speech, or two
        that cannot be told apart.
        """
        if len(enrolled) > max_speakers:
            raise SettingsError(f"{len(enrolled)} voices are enrolled for at most {max_speakers} speakers")
        found = np.zeros((0, self._embedder.width), np.float32)
        for name, samples in enrolled:
            heard = as_float32(samples)[: round(ENROLMENT_SECONDS * SAMPLE_RATE)]
            embedding = self._whole(heard[: len(heard) // FRAME * FRAME], name)
            if len(found) and float((found @ embedding).max()) > _MISTAKABLE:
                other = enrolled[int((found @ embedding).argmax())][0]
                raise InputError(f"the voices of {other} and {name} cannot be told apart: give other recordings")
            found = np.concatenate([found, embedding[None]])
        return found

    def _whole(self, samples: np.ndarray, name: str) -> np.ndarray:
        """The one voice of a recording."""
        windows = [samples[at : at + WINDOW * FRAME] for at in range(0, len(samples), WINDOW * FRAME)]
        heard = [self.hear(window) for window in windows if len(window) >= FRAME]
        spoken = [each.features[np.repeat((each.activity > 0.5).any(axis=1), _PER_FRAME)] for each in heard]
        features = np.concatenate(spoken) if spoken else np.zeros((0, 1), np.float32)
        if len(features) < _PER_FRAME * SAMPLE_RATE / FRAME:
            raise InputError(f"the recording of {name} has less than 1 s of clear speech: give a longer one")
        return self._embedder(features)


def _alone(activity: np.ndarray) -> np.ndarray:
    """(frames, voices) bool: who is heard, where nobody else is."""
    spoken = activity > 0.5
    return spoken & (spoken.sum(axis=1, keepdims=True) == 1)
