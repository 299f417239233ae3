"""Scripted engines with stated times: who says what when, what is answered, how long each thing takes.

The user's speech travels as real audio through the real session: every utterance of a script is a square wave whose
level is its number, which the scripted detector and recognizer read. Nothing looks at the script behind the
session's back, so a gap, a drop or a delay on the way has its true effect.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.interaction.contract import Control, Request, Say
from duplex.models.tts.contract import SpeechChunk, Synthesizer, Voice, WordMark
from duplex.models.vad.contract import ActivityFrame
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import EndpointError

_QUIET = 0.05
_LEVEL = 1 / 512


@dataclass(frozen=True, slots=True)
class UserSpeech:
    """The user makes a sound from `start` to `end` (seconds). text: its words, evenly spread; empty: a cough, a noise.

    delay: seconds from a word's end to its first appearance in a hypothesis. speaker: whose sound it is.
    """

    start: float
    end: float
    text: str = ""
    delay: float = 0.1
    speaker: str = "user"


@dataclass(frozen=True, slots=True)
class UserScript:
    """What the user does. At most 200 sounds."""

    sounds: tuple[UserSpeech, ...]

    def audio(self, duration: float | None = None) -> np.ndarray:
        """(n,) float32 at 16 kHz; by default two seconds longer than the last sound."""
        last = max((sound.end for sound in self.sounds), default=0.0)
        samples = np.zeros(round((duration if duration is not None else last + 2.0) * SAMPLE_RATE), np.float32)
        for number, sound in enumerate(self.sounds):
            start, end = round(sound.start * SAMPLE_RATE), round(sound.end * SAMPLE_RATE)
            wave = np.where(np.arange(max(0, end - start)) % 2, -1.0, 1.0).astype(np.float32)
            samples[start:end] = (wave * (_QUIET * 2 + number * _LEVEL))[: max(0, len(samples) - start)]
        return samples

    def sound_at(self, level: float) -> UserSpeech | None:
        """The sound whose square wave has this level."""
        number = round((level - _QUIET * 2) / _LEVEL)
        return self.sounds[number] if 0 <= number < len(self.sounds) else None


@dataclass(frozen=True, slots=True)
class _ActivityState:
    seen: int = 0
    run: int = 0
    active: bool = False


class ScriptedVad:
    """Detects the square waves. confirm, release: seconds of (no) speech until the verdict changes."""

    name = "scripted"
    hop = 160
    latency = 0
    sample_rate = SAMPLE_RATE

    def __init__(self, confirm: float = 0.06, release: float = 0.2) -> None:
        self._confirm = round(confirm * SAMPLE_RATE / self.hop)
        self._release = round(release * SAMPLE_RATE / self.hop)

    def initial_state(self, batch: int = 1) -> _ActivityState:
        return _ActivityState()

    def step(self, chunk: np.ndarray, state: _ActivityState) -> tuple[ActivityFrame, _ActivityState]:
        loud = float(np.abs(chunk).mean()) > _QUIET
        seen = state.seen + len(chunk)
        run = 0 if loud == state.active else state.run + 1
        onset = offset = None
        active = state.active
        if run and run >= (self._release if active else self._confirm):
            changed = seen - run * self.hop
            onset, offset = (None, changed) if active else (changed, None)
            active, run = not active, 0
        level = 20 * float(np.log10(max(float(np.abs(chunk).mean()), 1e-6)))
        return ActivityFrame(active, level, onset, offset), _ActivityState(seen, run, active)

    def flush(self, state: _ActivityState) -> ActivityFrame | None:
        return None


@dataclass(frozen=True, slots=True)
class _RecognizerState:
    seen: int = 0
    heard: tuple[tuple[int, int, UserSpeech], ...] = ()
    """(first sample, samples so far, sound) of every sound heard in this utterance."""
    shown: int = 0


class ScriptedRecognizer:
    """Recognizes the words of a script, each `delay` after its end; the flush brings what is missing."""

    name = "scripted"
    hop = 320
    latency = 0
    sample_rate = SAMPLE_RATE

    def __init__(self, script: UserScript) -> None:
        self.script = script

    def initial_state(self, batch: int = 1) -> _RecognizerState:
        return _RecognizerState()

    def step(self, chunk: np.ndarray, state: _RecognizerState) -> tuple[Hypothesis | None, _RecognizerState]:
        loud = np.flatnonzero(np.abs(chunk) > _QUIET)
        heard = state.heard
        if len(loud):
            sound = self.script.sound_at(float(np.median(np.abs(chunk[loud]))))
            if sound is not None and (not heard or heard[-1][2] is not sound):
                heard = (*heard, (state.seen + int(loud[0]), 0, sound))
            if heard:
                first, _, last = heard[-1]
                heard = (*heard[:-1], (first, state.seen + int(loud[-1]) + 1 - first, last))
        state = _RecognizerState(state.seen + len(chunk), heard, state.shown)
        words = self._words(state, delayed=True)
        if len(words) == state.shown:
            return None, state
        return Hypothesis(words, len(words)), replace(state, shown=len(words))

    def flush(self, state: _RecognizerState) -> Hypothesis:
        words = self._words(state, delayed=False)
        return Hypothesis(words, len(words), final=True)

    def close(self) -> None:
        pass

    def _words(self, state: _RecognizerState, *, delayed: bool) -> tuple[Word, ...]:
        words: list[Word] = []
        for first, length, sound in state.heard:
            texts = sound.text.split()
            each = (sound.end - sound.start) * SAMPLE_RATE / max(1, len(texts))
            for number, text in enumerate(texts):
                end = first + round((number + 1) * each)
                spoken = length >= round((number + 1) * each) - self.hop
                if spoken and (not delayed or state.seen >= end + round(sound.delay * SAMPLE_RATE)):
                    words.append(Word(text, first + round(number * each), end))
        return tuple(words)


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer. ttft: seconds to the first piece; gap: between pieces (words).

    stall: seconds of silence before piece number `fault_at`; fail: raise EndpointError there instead.
    """

    text: str
    ttft: float = 0.1
    gap: float = 0.0
    fault_at: int | None = None
    stall: float = 0.0
    fail: str = ""
    controls: tuple[Control, ...] = ()


@dataclass(slots=True)
class ScriptedAnswerer:
    """Answers turns with the script's answers in order (the last one again and again), or with what `choose` says."""

    answers: Sequence[Answer] = (Answer("all right"),)
    choose: Callable[[Request], Answer] | None = None
    requests: list[Request] = field(default_factory=list)
    abandoned: int = 0
    name: str = "scripted"

    async def answer(self, request: Request) -> AsyncIterator[Say | Control]:
        self.requests.append(request)
        number = min(len(self.requests), len(self.answers)) - 1
        answer = self.choose(request) if self.choose else self.answers[number]
        try:
            await asyncio.sleep(answer.ttft)
            for control in answer.controls:
                yield control
            for place, word in enumerate(answer.text.split()):
                if place == answer.fault_at:
                    await asyncio.sleep(answer.stall)
                    if answer.fail:
                        raise EndpointError(answer.fail)
                yield Say(word if place == 0 else " " + word)
                if answer.gap:
                    await asyncio.sleep(answer.gap)
        except (asyncio.CancelledError, GeneratorExit):
            self.abandoned += 1
            raise

    async def close(self) -> None:
        pass


class ScriptedSynthesizer:
    """Every word is a tone of the same length; word n of a text has the level 0.1 + n / 1000, to be found again.

    spare: speaks what this one fails on.
    """

    name = "scripted"
    spare: Synthesizer | None = None

    def __init__(self, word_seconds: float = 0.3, sample_rate: int = SAMPLE_RATE, fail_on: str = "") -> None:
        self.sample_rate = sample_rate
        self._word = round(word_seconds * sample_rate)
        self._fail_on = fail_on

    def synthesize(self, text: str, voice: Voice) -> Iterator[SpeechChunk]:
        at = place = 0
        for number, word in enumerate(text.split()):
            if self._fail_on and self._fail_on in word:
                raise EndpointError(f"the scripted voice fails on {word!r}")
            start = text.index(word, place)
            place = start + len(word)
            level = np.float32(min(0.9, (0.1 + number / 1000) * voice.volume))
            tone = np.where(np.arange(self._word) % 2, -level, level).astype(np.float32)
            yield SpeechChunk(tone, (WordMark(start, place, at, at + self._word),))
            at += self._word

    def voices(self) -> list[Voice]:
        return [Voice("scripted")]

    def close(self) -> None:
        pass
