"""A recording's diarizer, and what another one heard in the same recording: the mean of both, speaker by speaker.

They err in different places: the segmentation knows two voices at once and misses speech in noise, LS-EEND follows more
voices and takes music for one. So the second is listened to only about speakers that the first has found, which is a
DOVER-Lap (Raj et al. 2021) of probabilities with two voters, one of which counts for less.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from duplex.models.diarization.contract import FRAME, Diarizer, SpeakerFrames
from duplex.models.diarization.segmentation.clustering import assign
from duplex.streaming.audio import SAMPLE_RATE

SHARE = 0.15
"""Of the second opinion."""


@dataclass
class OpinionsState:
    """Of both. heard: the second's frames so far."""

    first: Any
    second: Any
    heard: list[np.ndarray] = field(default_factory=list)


class SecondOpinion:
    """A diarizer (models.diarization.contract) that gives all frames at the end of the stream.

    first: one that does so, which counts for most. second: any other. Raises what they raise.
    """

    hop = FRAME
    sample_rate = SAMPLE_RATE

    def __init__(self, first: Diarizer[Any], second: Diarizer[Any]) -> None:
        self.name = first.name
        self.latency = first.latency
        self.max_speakers = first.max_speakers
        self.any_level = first.any_level and second.any_level
        self._first, self._second = first, second

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> OpinionsState:
        return OpinionsState(self._first.initial_state(batch, enrolled), self._second.initial_state(batch))

    def step(self, chunk: np.ndarray, state: OpinionsState) -> tuple[SpeakerFrames, OpinionsState]:
        frames, state.first = self._first.step(chunk, state.first)
        other, state.second = self._second.step(chunk, state.second)
        state.heard.append(other.probabilities)
        return frames, state

    def flush(self, state: OpinionsState) -> SpeakerFrames:
        frames = self._first.flush(state.first)
        state.heard.append(self._second.flush(state.second).probabilities)
        return SpeakerFrames(frames.start, together(frames.probabilities, np.concatenate(state.heard)))


def together(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """(frames, speakers) each, to the first's speakers: each with the one of the second that speaks most when they do;
    those whom the second has not heard are as the first has them."""
    made = first.copy()
    common = first.T @ second
    for speaker, other in enumerate(assign(np.where(common > 0, common, -np.inf))):
        if other >= 0:
            made[:, speaker] = (1 - SHARE) * first[:, speaker] + SHARE * second[:, other]
    return made
