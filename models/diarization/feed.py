"""Running a diarizer over a stream of blocks of any length."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from duplex.models.diarization.contract import Diarizer, SpeakerFrames


class DiarizerFeed:
    """One stream through a diarizer. enrolled: (name, samples) of known voices."""

    def __init__(self, diarizer: Diarizer[Any], enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> None:
        self._diarizer = diarizer
        self._state = diarizer.initial_state(1, enrolled)
        self._held = np.zeros(0, np.float32)

    def push(self, block: np.ndarray) -> list[SpeakerFrames]:
        """block: (n,) float32 at 16 kHz, any n."""
        held = np.concatenate([self._held, block])
        hop = self._diarizer.hop
        whole = len(held) - len(held) % hop
        found = [self._step(held[at : at + hop]) for at in range(0, whole, hop)]
        self._held = held[whole:]
        return found

    def flush(self) -> list[SpeakerFrames]:
        """What is left; the last frame is completed with silence."""
        found = []
        if len(self._held):
            found.append(self._step(np.pad(self._held, (0, self._diarizer.hop - len(self._held)))))
        return [*found, self._diarizer.flush(self._state)]

    def _step(self, chunk: np.ndarray) -> SpeakerFrames:
        frames, self._state = self._diarizer.step(chunk, self._state)
        return frames


def speaker_frames(
    diarizer: Diarizer[Any], blocks: Iterable[np.ndarray], enrolled: Sequence[tuple[str, np.ndarray]] = ()
) -> Iterator[SpeakerFrames]:
    """blocks: (n,) float32 at 16 kHz, of any length."""
    feed = DiarizerFeed(diarizer, enrolled)
    for block in blocks:
        yield from feed.push(block)
    yield from feed.flush()


def probabilities(
    diarizer: Diarizer[Any], samples: np.ndarray, enrolled: Sequence[tuple[str, np.ndarray]] = ()
) -> np.ndarray:
    """(n,) at 16 kHz to (ceil(n / 1600), speakers)."""
    return np.concatenate([frames.probabilities for frames in speaker_frames(diarizer, [samples], enrolled)])
