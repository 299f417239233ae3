"""The diarizer as a stage: samples in, who speaks out, ten times a second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.diarization.config import FRAME_SECONDS, LATENCIES
from duplex.models.diarization.contract import FRAME, SpeakerFrames
from duplex.models.diarization.features import Features, FeatureState
from duplex.models.diarization.runtime import NetworkRuntime, RuntimeState
from duplex.streaming.audio import SAMPLE_RATE, as_float32
from duplex.streaming.errors import InputError, SettingsError

ENROLMENT_SECONDS = 15.0
"""Of each enrolled voice that are used."""

_REMEMBERED = 100
"""Features that the running mean of the enrolment weighs in the call: 1 s, for another microphone may be used there."""


@dataclass
class DiarizationState:
    """columns: of the network's slots, in the order of the output. given: frames already returned."""

    features: FeatureState
    network: RuntimeState
    columns: np.ndarray
    given: int = 0

    @property
    def nbytes(self) -> int:
        features = self.features
        return self.network.nbytes + features.pending.nbytes + features.held.nbytes + features.total.nbytes


class LsEend:
    """LS-EEND with the shipped weights (models.diarization.contract.Diarizer).

    latency: seconds waited for what follows, one of LATENCIES. max_speakers: columns of the output. folder: of the
    exported graphs. Raises SettingsError, ModelError.
    """

    hop = FRAME
    sample_rate = SAMPLE_RATE
    name = "ls-eend"
    any_level = True

    def __init__(self, folder: str | Path, latency: float = 1.0, max_speakers: int = 8) -> None:
        if latency not in LATENCIES:
            offered = ", ".join(f"{each:g}" for each in LATENCIES)
            raise SettingsError(f"the latency of diarization is {offered} s, not {latency:g}")
        self._network = NetworkRuntime(folder, LATENCIES[latency], max_speakers)
        self._features = Features(self._network.config)
        self.max_speakers = max_speakers
        self.latency = LATENCIES[latency] * FRAME + self._features.latency

    def initial_state(self, batch: int = 1, enrolled: Sequence[tuple[str, np.ndarray]] = ()) -> DiarizationState:
        """enrolled: (name, samples (n,) at 16 kHz) of voices that are known: the first columns are theirs.

        The network hears them before the call, one after the other, and so remembers them. Raises InputError for a
        voice with too little speech, or two that it cannot tell apart.
        """
        if batch != 1:
            raise SettingsError(f"the diarizer hears one stream per state, not {batch}")
        state = DiarizationState(
            self._features.initial_state(), self._network.initial_state(), np.arange(self.max_speakers)
        )
        if len(enrolled) > self.max_speakers:
            raise SettingsError(f"{len(enrolled)} voices are enrolled for at most {self.max_speakers} speakers")
        return self._enrol(enrolled, state) if enrolled else state

    def step(self, chunk: np.ndarray, state: DiarizationState) -> tuple[SpeakerFrames, DiarizationState]:
        """chunk: (1600,) float32, or any whole number of hops at once. NaN counts as silence. Raises InputError."""
        if chunk.ndim != 1 or len(chunk) % FRAME:
            raise InputError(f"the diarizer takes whole frames of {FRAME} samples, not shape {chunk.shape}")
        inputs, state.features = self._features.step(as_float32(chunk), state.features)
        probabilities, state.network = self._network.step(inputs, state.network)
        return self._frames(probabilities, state), state

    def flush(self, state: DiarizationState) -> SpeakerFrames:
        """The frames that are left."""
        inputs = self._features.flush(state.features)
        last, state.network = self._network.step(inputs, state.network)
        return self._frames(np.concatenate([last, self._network.flush(state.network)]), state)

    def _frames(self, probabilities: np.ndarray, state: DiarizationState) -> SpeakerFrames:
        start = state.given * FRAME
        state.given += len(probabilities)
        return SpeakerFrames(start, np.ascontiguousarray(probabilities[:, state.columns]))

    def _enrol(self, enrolled: Sequence[tuple[str, np.ndarray]], state: DiarizationState) -> DiarizationState:
        pause = np.zeros(round(0.5 / FRAME_SECONDS) * FRAME, np.float32)
        taken: dict[int, str] = {}
        held = np.zeros((0, self.max_speakers), np.float32)
        for name, samples in enrolled:
            heard = as_float32(samples)[: round(ENROLMENT_SECONDS * SAMPLE_RATE)]
            heard = np.concatenate([heard[: len(heard) // FRAME * FRAME], pause])
            frames, state = self.step(heard, state)
            quiet = np.zeros(self.latency // FRAME * FRAME + FRAME, np.float32)
            rest, state = self.step(quiet, state)  # past the look-ahead
            held = np.concatenate([frames.probabilities, rest.probabilities])
            spoken = (held > 0.5).sum(axis=0)
            slot = int(spoken.argmax())
            if spoken[slot] < 1.0 / FRAME_SECONDS:
                raise InputError(f"the recording of {name} has less than 1 s of clear speech: give a longer one")
            if slot in taken:
                raise InputError(f"the voices of {taken[slot]} and {name} cannot be told apart: give other recordings")
            taken[slot] = name
        others = [slot for slot in range(self.max_speakers) if slot not in taken]
        features = self._features.initial_state()
        kept = min(_REMEMBERED, state.features.count)
        features.total = state.features.total / max(state.features.count, 1) * kept
        features.weight = kept
        network = self._network.resumed(state.network)
        return DiarizationState(features, network, np.array([*taken, *others]))
