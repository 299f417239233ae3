"""Running a diariser over a recording."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from models.diarization.contract import Diariser, SpeakerFrames


def speaker_frames(
    diariser: Diariser[Any], blocks: Iterable[np.ndarray], enrolled: Sequence[tuple[str, np.ndarray]] = ()
) -> Iterator[SpeakerFrames]:
    """blocks: (n,) float32 at 16 kHz, of any length. The last frame is completed with silence."""
    state = diariser.initial_state(1, enrolled)
    held = np.zeros(0, np.float32)
    for block in blocks:
        held = np.concatenate([held, block])
        whole = len(held) - len(held) % diariser.hop
        for at in range(0, whole, diariser.hop):
            frames, state = diariser.step(held[at : at + diariser.hop], state)
            yield frames
        held = held[whole:]
    if len(held):
        frames, state = diariser.step(np.pad(held, (0, diariser.hop - len(held))), state)
        yield frames
    yield diariser.flush(state)


def probabilities(
    diariser: Diariser[Any], samples: np.ndarray, enrolled: Sequence[tuple[str, np.ndarray]] = ()
) -> np.ndarray:
    """(n,) at 16 kHz to (ceil(n / 1600), speakers)."""
    return np.concatenate([frames.probabilities for frames in speaker_frames(diariser, [samples], enrolled)])
