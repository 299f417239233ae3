"""Segmenter one party: activity, utterances cut at pauses, and the recognizer that listens to them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from duplex.models.asr.contract import Hypothesis, Recognizer
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.pool import InferencePool
from duplex.streaming.queues import BoundedQueue

PREROLL = round(0.25 * SAMPLE_RATE)
"""Samples before the onset that the recognizer is given: soft consonants lie before what activity detects."""

JUDGED = round(0.8 * SAMPLE_RATE)
"""Samples of speech after which a slower judge is asked whether it was any."""

NO_SPEECH, SPEECH = 0.25, 0.6
"""Its verdicts: below the one it was none, above the other it is again."""

STEP_TIMEOUT = 20.0
"""Seconds after which a recognizer's step counts as stalled."""


class Listener(Protocol):
    """Who is told what was perceived (the session)."""

    def speech_started(self, at: int, onset: int, party: str) -> None: ...

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None: ...

    def utterance_opened(self, party: str) -> None: ...

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None: ...

    def capability_lost(self, capability: str, reason: str) -> None: ...

    def capability_restored(self, capability: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Heard:
    """A piece of one utterance on its way to the recognizer."""

    start: int
    samples: np.ndarray
    utterance: int
    onset: int
    last: bool

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class Segmenter:
    """One party's ears. `perceive` is called frame by frame; `recognize` runs as a task beside it.

    gap, limit: seconds of silence that close an utterance, and of its longest length. likelihood: what a slower judge
    (the diarizer) says of the speech between two samples, 0…1, or None so far: what the detector took for speech and
    the judge does not is taken back.
    """

    def __init__(
        self,
        party: str,
        listener: Listener,
        detector: VoiceActivityDetector[Any],
        recognizer: Recognizer[Any],
        pool: InferencePool,
        *,
        gap: float = 0.35,
        limit: float = 20.0,
        likelihood: Callable[[int, int], float | None] | None = None,
    ) -> None:
        self.party = party
        self.queue: BoundedQueue[Heard] = BoundedQueue(500, "drop_oldest", f"recognize {party}")
        self._listener = listener
        self._detector = detector
        self._detector_state = detector.initial_state(1)
        self._recognizer = recognizer
        self._pool = pool
        self._gap = round(gap * SAMPLE_RATE)
        self._limit = round(limit * SAMPLE_RATE)
        self._recent: deque[AudioChunk] = deque()
        self._origin: int | None = None
        self._likelihood = likelihood
        self._refuted = False
        self._active = False
        self._onset = 0
        self._offset = 0
        self._utterance = 0
        self._open = False
        self._utterance_start = 0
        self._utterance_onset = 0
        self._lost = False

    @property
    def active(self) -> bool:
        return self._active

    @property
    def busy(self) -> bool:
        """Whether an utterance is open or waits to be recognized."""
        return self._open or len(self.queue) > 0

    def perceive(self, frame: AudioChunk, words: AudioChunk | None = None) -> None:
        """frame: 16 kHz, a whole number of the detector's hops. words: the same stretch as the recognizer is to hear
        it, where that is not how activity is best told."""
        if self._origin is None:
            self._origin = frame.start
        clear = words or frame
        hop = self._detector.hop
        for at in range(0, len(frame.samples), hop):
            verdict, self._detector_state = self._detector.step(frame.samples[at : at + hop], self._detector_state)
            if verdict.onset is not None:
                self._start(frame, self._origin + verdict.onset)
            if verdict.offset is not None:
                if not self._refuted:
                    self._end(frame, self._origin + verdict.offset)
                self._refuted = False
        if self._likelihood is not None:
            self._judge(frame, self._likelihood)
        self._recent.append(clear)
        while self._recent and self._recent[0].end < frame.end - 2 * PREROLL:
            self._recent.popleft()
        if self._open:
            self._listen(clear)

    def _start(self, frame: AudioChunk, onset: int) -> None:
        self._active = True
        self._onset = onset
        self._listener.speech_started(frame.end, onset, self.party)
        if not self._open:
            self._begin(frame)

    def _end(self, frame: AudioChunk, offset: int) -> None:
        self._active = False
        self._offset = offset
        self._listener.speech_ended(frame.end, self._onset, offset, self.party)

    def _judge(self, frame: AudioChunk, likelihood: Callable[[int, int], float | None]) -> None:
        """Takes back what was no speech after all, and begins anew when it turns into speech."""
        since = frame.end - JUDGED
        if self._active and self._onset <= since:
            said = likelihood(self._onset, frame.end)
            if said is not None and said < NO_SPEECH:
                self._refuted = True
                self._end(frame, frame.end)
        elif self._refuted:
            said = likelihood(since, frame.end)
            if said is not None and said > SPEECH:
                self._refuted = False
                self._start(frame, since)

    def cut(self, at: int) -> None:
        """Close the utterance here; if the party is still speaking, a new one begins (its turn was ended for it)."""
        if self._open:
            self._close(at)
        if self._active:
            self._onset = at
            self._start_utterance(at, at)

    async def recognize(self) -> None:
        """Task: give utterances to the recognizer, report hypotheses. Survives its failures."""
        open_utterance: _Open | None = None
        async for heard in self.queue:
            if open_utterance is not None and open_utterance.utterance != heard.utterance:
                await self._finish(open_utterance)  # its end was dropped on a full queue
                open_utterance = None
            if open_utterance is None:
                open_utterance = _Open(heard.utterance, heard.onset, heard.start)
            await self._step(open_utterance, heard.samples)
            if heard.last:
                await self._finish(open_utterance)
                open_utterance = None
        if open_utterance is not None:
            await self._finish(open_utterance)

    def _begin(self, frame: AudioChunk) -> None:
        wanted = max(self._onset - PREROLL, self._offset if self._offset <= self._onset else 0)
        before = [chunk for chunk in self._recent if chunk.end > wanted]
        self._start_utterance(self._onset, before[0].start if before else frame.start)
        for chunk in before:
            self._send(chunk.start, chunk.samples)

    def _start_utterance(self, onset: int, start: int) -> None:
        self._utterance += 1
        self._open = True
        self._utterance_start = start
        self._utterance_onset = onset
        self._listener.utterance_opened(self.party)

    def _listen(self, frame: AudioChunk) -> None:
        self._send(frame.start, frame.samples)
        if not self._active and frame.end - self._offset >= self._gap:
            self._close(frame.end)
        elif frame.end - self._utterance_start >= self._limit:
            self.cut(frame.end)

    def _send(self, start: int, samples: np.ndarray, *, last: bool = False) -> None:
        self.queue.put_nowait(Heard(start, samples, self._utterance, self._utterance_onset, last))

    def _close(self, at: int) -> None:
        self._send(at, np.zeros(0, np.float32), last=True)
        self._open = False

    async def _step(self, utterance: _Open, samples: np.ndarray) -> None:
        if utterance.failed:
            return
        utterance.held = np.concatenate([utterance.held, samples])
        hop = self._recognizer.hop
        while len(utterance.held) >= hop and not utterance.failed:
            chunk, utterance.held = utterance.held[:hop], utterance.held[hop:]
            hypothesis = await self._run(utterance, self._do_step, utterance, chunk)
            if hypothesis is not None:
                self._report(utterance.onset, utterance.base, hypothesis)

    async def _finish(self, utterance: _Open) -> None:
        hypothesis: Hypothesis | None = None
        if not utterance.failed:
            hypothesis = await self._run(utterance, self._do_flush, utterance)
        self._report(utterance.onset, utterance.base, hypothesis or Hypothesis(final=True))

    async def _run(self, utterance: _Open, step: Any, *args: Any) -> Hypothesis | None:
        """One step on the pool; a failure costs the utterance, not the session."""
        try:
            async with asyncio.timeout(STEP_TIMEOUT):
                hypothesis: Hypothesis | None = await self._pool.run("recognize", step, *args)
        except Exception as error:
            utterance.failed = True
            utterance.state = None
            reason = "stalled" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
            if not self._lost:
                self._lost = True
                self._listener.capability_lost("recognition", reason)
            return None
        if self._lost:
            self._lost = False
            self._listener.capability_restored("recognition")
        return hypothesis

    def _do_step(self, utterance: _Open, chunk: np.ndarray) -> Hypothesis | None:
        if utterance.state is None:
            utterance.state = self._recognizer.initial_state(1)
        hypothesis, utterance.state = self._recognizer.step(chunk, utterance.state)
        return hypothesis

    def _do_flush(self, utterance: _Open) -> Hypothesis:
        if utterance.state is None:
            utterance.state = self._recognizer.initial_state(1)
        if len(utterance.held):
            padded = np.zeros(self._recognizer.hop, np.float32)
            padded[: len(utterance.held)] = utterance.held
            _, utterance.state = self._recognizer.step(padded, utterance.state)
        return self._recognizer.flush(utterance.state)

    def _report(self, onset: int, base: int, hypothesis: Hypothesis) -> None:
        self._listener.hypothesis(self.party, onset, base, hypothesis)


class _Open:
    """An utterance the recognizer is listening to."""

    def __init__(self, utterance: int, onset: int, base: int) -> None:
        self.utterance = utterance
        self.onset = onset
        self.base = base
        self.held = np.zeros(0, np.float32)
        self.state: Any = None
        self.failed = False
