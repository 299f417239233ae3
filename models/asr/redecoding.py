"""Makes any recognizer of whole signals a streaming one: the growing buffer is decoded again and again.

What successive passes agree on is stable (local_agreement.py), and the buffer is cut behind stable words, so that a
pass never costs more than its window, however long the utterance: Macháček, Dabre and Bojar (2023), section 2.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.asr.spelling import grows, said
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError, StageError
from duplex.streaming.policies.local_agreement import LocalAgreement

_PAUSE = SAMPLE_RATE // 8  # of a pause behind a word stays with it
_FRAME = SAMPLE_RATE // 50
_AUDIBLE = 0.02  # of the loudest frame: about 34 dB below it


@dataclass(slots=True)
class RedecodingState:
    """buffer: samples from `since` to `heard`, the latter counted from the utterance's beginning. decoded: where
    the last pass ended, which at a pause is up to a block later. memory: what a recognizer keeps from one pass for the
    next."""

    agreement: LocalAgreement
    buffer: np.ndarray
    since: int = 0
    heard: int = 0
    decoded: int = 0
    words: tuple[Word, ...] = field(default_factory=tuple)
    last: Hypothesis = field(default_factory=Hypothesis)
    memory: Any = None


class Redecoding(ABC):
    """A recognizer (duplex.models.asr.contract) over `transcribe`, which a subclass gives.

    interval: seconds of new audio between two passes; where all words are stable, the next one waits for sound. window:
    seconds of audio that a pass covers at most; beyond it the buffer is cut behind a stable word, to `keep` seconds or
    less, or, failing that, in its middle. agree: passes that must agree. Raises SettingsError.
    """

    hop = SAMPLE_RATE // 10
    latency = 0
    sample_rate = SAMPLE_RATE
    name = ""
    writes = ""
    """The language of the words, whose numbers are compared as they are said; empty: not known."""

    def __init__(
        self,
        interval: float = 0.5,
        window: float = 12.0,
        agree: int = 2,
        *,
        keep: float | None = None,
    ) -> None:
        if not self.hop / SAMPLE_RATE <= interval <= window / 2:
            raise SettingsError(f"recognizer interval must lie between 0.1 s and half its window, not {interval:g} s")
        if not 2.0 <= window <= 28.0:
            raise SettingsError(f"recognizer window must lie between 2 and 28 s, not {window:g} s")
        if agree < 2:
            raise SettingsError(f"recognizer agree must be at least 2 passes, not {agree}")
        keep = window - interval if keep is None else keep
        if not interval <= keep <= window - interval:
            raise SettingsError(
                f"recognizer keep must lie between its interval and its window less that, not at {keep:g} s"
            )
        self.interval = round(interval * SAMPLE_RATE / self.hop) * self.hop
        self.window = round(window * SAMPLE_RATE)
        self.agree = agree
        self._keep = round(keep * SAMPLE_RATE)

    @abstractmethod
    def transcribe(self, samples: np.ndarray) -> list[Word]:
        """samples: (n,) float32 at 16 kHz, n up to the window. Word times count from its first sample."""

    def retranscribe(self, samples: np.ndarray, state: RedecodingState) -> list[Word]:
        """As `transcribe`, for a recognizer that a pass before helps; it may keep what it likes in `state.memory`."""
        return self.transcribe(samples)

    def initial_state(self, batch: int = 1) -> RedecodingState:
        if batch != 1:
            raise StageError(f"recognizer {self.name} hears one utterance per state, not {batch}")
        return RedecodingState(self._policy(), np.zeros(0, np.float32))

    def step(self, chunk: np.ndarray, state: RedecodingState) -> tuple[Hypothesis | None, RedecodingState]:
        """chunk: (1600,) float32. A hypothesis comes once per interval, if it brings something new."""
        if len(chunk) != self.hop:
            raise StageError(f"recognizer {self.name} takes {self.hop} samples a step, not {len(chunk)}")
        state.buffer = np.concatenate([state.buffer, chunk])
        state.heard += len(chunk)
        waited = state.heard - state.decoded
        if waited < self.interval or (_all_stable(state) and _quiet(state.buffer, waited) and not self._full(state)):
            return None, state
        hypothesis = state.agreement.update(self._decode(state), state.heard, state.since)
        if self._full(state):
            hypothesis = self._trim(state, hypothesis)
        if (hypothesis.text, hypothesis.stable) == (state.last.text, state.last.stable):
            return None, state
        state.last = hypothesis
        return hypothesis, state

    def hold(self, chunk: np.ndarray, state: RedecodingState) -> bool:
        """Take a chunk in without a pass. False where a pass is due all the same: before the buffer is cut, as many
        must have been over it as have to agree, or it would be cut within a word."""
        waited, length = state.heard + len(chunk) - state.decoded, len(state.buffer) + len(chunk)
        if waited > self.window // (self.agree + 1) or length + self.interval > self.window:
            return False
        state.buffer = np.concatenate([state.buffer, chunk])
        state.heard += len(chunk)
        return True

    def peek(self, state: RedecodingState, rest: np.ndarray | None = None) -> Hypothesis:
        """What is heard so far, to its end; the utterance goes on. rest: (n,) that is not a whole block yet."""
        heard = state.heard + (0 if rest is None else len(rest))
        if state.decoded < heard:
            state.last = state.agreement.update(self._decode(state, rest), heard, state.since)
        return state.last

    def flush(self, state: RedecodingState) -> Hypothesis:
        if state.decoded < state.heard:
            self._decode(state)
        state.last = state.agreement.finish(state.words, state.since)
        return state.last

    def close(self) -> None:  # noqa: B027
        """Nothing to end: the model lives in this process."""

    def _full(self, state: RedecodingState) -> bool:
        return len(state.buffer) + self.interval > self.window

    def _policy(self) -> LocalAgreement:
        """What makes words stable in one utterance."""
        return LocalAgreement(self.agree, **self._reading())

    def _reading(self) -> dict[str, Any]:
        """What a policy is told of the language."""
        return {"spelling": partial(said, language=self.writes), "grows": partial(grows, language=self.writes)}

    def _decode(self, state: RedecodingState, rest: np.ndarray | None = None) -> tuple[Word, ...]:
        buffer = state.buffer if rest is None else np.concatenate([state.buffer, rest])
        words = self.retranscribe(buffer, state)
        state.words = tuple(
            Word(word.text, word.start + state.since, word.end + state.since, word.confidence) for word in words
        )
        state.decoded = state.since + len(buffer)
        return state.words

    def _trim(self, state: RedecodingState, hypothesis: Hypothesis) -> Hypothesis:
        """Shortens the buffer to the window less one interval or less: behind a stable word, best before a pause."""
        least = state.heard - self._keep
        words = hypothesis.words
        following = [*(word.start for word in words[1 : hypothesis.stable + 1]), state.heard]
        pauses = [
            (start - word.end, word.end + min(max(0, start - word.end) // 2, _PAUSE))
            for word, start in zip(words[: hypothesis.stable], following, strict=False)
            if least <= word.end <= state.heard
        ]
        if pauses:
            _, cut = max(pauses)
        else:
            cut = max(state.heard - self.window + self.interval, state.heard - self.window // 2)
            hypothesis = state.agreement.settle(cut)
        state.buffer = state.buffer[cut - state.since :].copy()
        state.since = cut
        state.words = tuple(word for word in state.words if word.start + word.end > 2 * cut)
        return hypothesis


def _all_stable(state: RedecodingState) -> bool:
    return bool(state.last.words) and state.last.stable == len(state.last.words)


def _quiet(samples: np.ndarray, count: int) -> bool:
    """Whether nothing can be said in the last `count` samples: no frame of them is near the loudest of all."""
    frames = samples[len(samples) % _FRAME :].reshape(-1, _FRAME)
    loudness = np.sqrt(np.square(frames).mean(axis=1))
    return bool(loudness[-(count // _FRAME) :].max() < _AUDIBLE * loudness.max())
