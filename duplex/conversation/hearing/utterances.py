"""Recognition of one party's utterances: pieces of audio in, hypotheses out, one recognizer state an utterance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from duplex.conversation.hearing.segmenter import AsrChunk
from duplex.models.asr.contract import Hypothesis, Recognizer
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.blocks import Reblocker
from duplex.streaming.errors import StalledError
from duplex.streaming.pipeline import reason_of
from duplex.streaming.pool import Steps

BEHIND = round(0.6 * SAMPLE_RATE)
"""Samples that wait to be recognized from which on no words are looked for on the way: on a machine that does not keep
up each look makes all that follows later, and without them an utterance costs one look, at its end."""

STEP_LIMIT = 20.0
"""Seconds after which a recognizer's step counts as stalled."""


class HypothesisListener(Protocol):
    """Who is told what a party seems to say, and whether it can be recognized."""

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None: ...

    def capability_lost(self, capability: str, reason: str) -> None: ...

    def capability_restored(self, capability: str) -> None: ...


@dataclass(slots=True)
class _Utterance:
    """An utterance that the recognizer is listening to. base: sample of the clock that is its sample 0."""

    number: int
    onset: int
    base: int
    blocks: Reblocker
    state: Any = None
    failed: bool = False


class UtteranceRecognizer:
    """What a recognition node does with each piece (`consume`) and at the end (`finish`).

    step, capability: what the pool calls its steps, and what is lost when they fail.

    Each utterance is reported to its end exactly once, with a final hypothesis, whatever fails on the way.

    caught_up: at a pause it is told the sample up to which the next hypothesis has heard everything; without it nobody
    asks at pauses. waiting: how many samples wait behind the piece that is being consumed; see BEHIND.
    """

    def __init__(
        self,
        party: str,
        listener: HypothesisListener,
        recognizer: Recognizer[Any],
        steps: Steps,
        *,
        step: str = "recognize",
        capability: str = "recognition",
        caught_up: Callable[[int], None] | None = None,
        waiting: Callable[[], int] = lambda: 0,
    ) -> None:
        self.party = party
        self._kind = step
        self._capability = capability
        self.listener = listener
        """Who is told; another may be put in between before the first piece."""
        self.recognizer = recognizer
        """Another takes its place between two utterances (`recognize_with`)."""
        self._next: tuple[Recognizer[Any], Callable[[], None]] | None = None
        self._steps = steps
        self._caught_up = caught_up
        self._waiting = waiting
        self._open: _Utterance | None = None
        self._lost = False

    @property
    def busy(self) -> bool:
        """Whether an utterance has begun to be recognized and its final hypothesis is still to come."""
        return self._open is not None

    def recognize_with(self, recognizer: Recognizer[Any], begun: Callable[[], None]) -> None:
        """The next utterance, and those after it, are heard by this one. begun: called when that begins."""
        self._next = recognizer, begun

    async def consume(self, piece: AsrChunk) -> None:
        if self._open is not None and self._open.number != piece.utterance:
            await self.finish()  # its end was dropped on a full queue
        if self._open is None:
            if self._next is not None:
                (self.recognizer, begun), self._next = self._next, None
                begun()
            self._open = _Utterance(piece.utterance, piece.onset, piece.start, Reblocker(self.recognizer.hop))
        utterance = self._open
        for chunk in utterance.blocks.push(piece.samples):
            if utterance.failed:
                break
            if self._held(utterance, chunk):
                continue
            hypothesis = await self._run(utterance, self._step, utterance, chunk)
            if hypothesis is not None:
                self.listener.hypothesis(self.party, utterance.onset, utterance.base, hypothesis)
        if piece.pause and not utterance.failed and self._waiting() < BEHIND:
            await self._look(utterance, piece.start)
        if piece.last:
            await self.finish()

    async def _look(self, utterance: _Utterance, at: int) -> None:
        peek = getattr(self.recognizer, "peek", None)
        if peek is None or self._caught_up is None or utterance.state is None:
            return
        hypothesis = await self._run(utterance, peek, utterance.state, utterance.blocks.rest)
        if hypothesis is not None:
            self._caught_up(at)
            self.listener.hypothesis(self.party, utterance.onset, utterance.base, hypothesis)

    def _held(self, utterance: _Utterance, chunk: np.ndarray) -> bool:
        """Whether the chunk was taken in without looking for words, since more waits."""
        hold = getattr(self.recognizer, "hold", None)
        if hold is None or utterance.state is None or self._waiting() < BEHIND:
            return False
        return bool(hold(chunk, utterance.state))

    async def finish(self) -> None:
        utterance, hypothesis = self._open, None
        if utterance is None:
            return
        try:
            if not utterance.failed:
                hypothesis = await self._run(utterance, self._flush, utterance)
        finally:
            self._open = None
        self.listener.hypothesis(self.party, utterance.onset, utterance.base, hypothesis or Hypothesis(final=True))

    async def _run(self, utterance: _Utterance, step: Any, *args: Any) -> Hypothesis | None:
        """One step on the pool; a failure costs the utterance, not the session."""
        try:
            hypothesis: Hypothesis | None = await self._steps.run(self._kind, step, *args, limit=STEP_LIMIT)
        except Exception as error:
            utterance.failed = True
            stalled = isinstance(error, StalledError)
            if stalled and utterance.state is not None:
                # A worker process can be killed, and the thread that waits for it is then free again.
                abandon = getattr(self.recognizer, "abandon", None)
                if abandon is not None:
                    abandon(utterance.state)
            utterance.state = None
            if not self._lost:
                self._lost = True
                self.listener.capability_lost(self._capability, "stalled" if stalled else reason_of(error))
            return None
        if self._lost:
            self._lost = False
            self.listener.capability_restored(self._capability)
        return hypothesis

    def _step(self, utterance: _Utterance, chunk: np.ndarray) -> Hypothesis | None:
        if utterance.state is None:
            utterance.state = self.recognizer.initial_state(1)
        hypothesis, utterance.state = self.recognizer.step(chunk, utterance.state)
        return hypothesis

    def _flush(self, utterance: _Utterance) -> Hypothesis:
        if utterance.state is None:
            utterance.state = self.recognizer.initial_state(1)
        for rest in utterance.blocks.flush():
            _, utterance.state = self.recognizer.step(rest, utterance.state)
        return self.recognizer.flush(utterance.state)
