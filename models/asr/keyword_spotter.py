"""Short commands over a reply ("stop", "wait", "no"), found in a burst of speech beside the recognizer.

A recognizer of everything has little to go by in a third of a second; one that knows only what such a burst can be
hears it more reliably. keyword_decoder.py has its words and how it scores them. US English, offline.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.asr.sphinx import PocketSphinx, SphinxState
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import StageError
from duplex.streaming.policies.local_agreement import LocalAgreement

LEAST_SCORE = -47_000.0
"""Below it free phones explain the sound so much better that it is no command (in the decoder's own logarithm)."""
LONGEST_WORD = 90
"""Frames of 10 ms, the pause around a lone word included; rain and engines make longer ones."""
LEAST_VOICED = 3
"""Frames of 10 ms that must be voiced: every command has a vowel, most noises have none."""
LONGEST = 3.0
"""Seconds of a burst that are searched: what lasts longer is no short command."""

_FRAME = 160
_VOICE_WINDOW = 640
_PERIODS = np.arange(40, 230)  # samples: 70 to 400 Hz
_PERIODIC = 0.9
_LOUD = 0.1


@dataclass(slots=True, eq=False)
class SpotterState(SphinxState):
    samples: np.ndarray = field(default_factory=lambda: np.zeros(round(LONGEST * SAMPLE_RATE), np.float32))


class KeywordSpotter(PocketSphinx):
    """A recognizer (duplex.models.asr.contract) that hears nothing but commands.

    `step` only listens; `flush` returns the command, or a hypothesis without words. Processes, errors and `timeout` as
    PocketSphinx's.
    """

    name = "command spotter"
    program = Path(__file__).with_name("keyword_decoder.py")

    def __init__(self, timeout: float = 30.0) -> None:
        super().__init__(timeout=timeout)

    def initial_state(self, batch: int = 1) -> SpotterState:
        if batch != 1:
            raise StageError(f"the {self.name} hears one burst per state, not {batch}")
        return SpotterState(LocalAgreement())

    def step(self, chunk: np.ndarray, state: SphinxState) -> tuple[Hypothesis | None, SpotterState]:
        """chunk: (1600,) float32 in [-1, 1]."""
        assert isinstance(state, SpotterState)
        if state.heard < LONGEST * self.sample_rate:
            self._feed(chunk, state)
            state.samples[state.heard - len(chunk) : state.heard] = chunk
        return None, state

    def flush(self, state: SphinxState) -> Hypothesis:
        assert isinstance(state, SpotterState)
        words: tuple[Word, ...] = ()
        if state.worker is not None:
            answer = self._request(state, b"e")
            self._end(state)
            if state.heard < LONGEST * self.sample_rate:
                words = self._command(answer, state)
        state.over = True
        return Hypothesis(words, len(words), final=True)

    def _command(self, answer: Any, state: SpotterState) -> tuple[Word, ...]:
        words = answer["words"]
        if not answer["command"] or answer["score"] < LEAST_SCORE:
            return ()
        if any(last - first >= LONGEST_WORD for _, first, last in words):
            return ()
        if voiced_frames(state.samples[: state.heard]) < LEAST_VOICED:
            return ()
        return tuple(Word(text, first * _FRAME, min((last + 1) * _FRAME, state.heard)) for text, first, last in words)


def voiced_frames(samples: np.ndarray) -> int:
    """How many of the louder frames of 10 ms in (n,) samples at 16 kHz repeat themselves at a voice's pitch.

    By the normalized cross-correlation of what lies a period apart (Talkin 1995, section 2).
    """
    if len(samples) < _VOICE_WINDOW:
        return 0
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float64), _VOICE_WINDOW)[::_FRAME]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectra = np.fft.rfft(frames, 2 * _VOICE_WINDOW)
    products = np.fft.irfft(np.abs(spectra) ** 2, 2 * _VOICE_WINDOW)[:, _PERIODS]
    energy = np.cumsum(frames**2, axis=1)
    total = energy[:, -1]
    early, late = energy[:, _VOICE_WINDOW - 1 - _PERIODS], total[:, None] - energy[:, _PERIODS - 1]
    periodic = (products / np.sqrt(np.maximum(early * late, 1e-12))).max(axis=1)
    loud = total > _LOUD**2 * total.max()
    return int(((periodic > _PERIODIC) & loud).sum())
