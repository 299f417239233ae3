"""PocketSphinx as a streaming recognizer: US English, bundled, offline, on a fraction of one core.

The decoder holds the GIL for up to 20 ms a call, which an audio thread must never wait for, so it lives in a worker
process (worker.py, sphinx_decoder.py). A process serves one utterance after the other; two at a time take two.
"""

from __future__ import annotations

import importlib.util
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.asr.worker_process import WorkerProcess
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import ModelError, SettingsError, StageError
from duplex.streaming.policies.local_agreement import LocalAgreement

PROGRAM = Path(__file__).with_name("sphinx_decoder.py")
_FRAME = 160
_DITHER = 4  # 16-bit steps: the decoder neither counts nor normalises frames of digital silence
_MOST_IDLE = 4


@dataclass(slots=True, weakref_slot=True, eq=False)
class SphinxState:
    """One utterance; its decoder is the worker's, and `release` gives that back. over: ended, or lost."""

    agreement: LocalAgreement
    heard: int = 0
    last: Hypothesis = field(default_factory=Hypothesis)
    worker: WorkerProcess | None = None
    release: Callable[[], Any] | None = None
    over: bool = False


class PocketSphinx:
    """A recognizer (duplex.models.asr.contract). Its first process starts at once and is ready in half a second.

    agree: seconds for which every hypothesis must say a word before it is stable; the decoder changes its mind late.
    margin: seconds at the end of what was heard in which no word becomes stable. timeout: seconds after which a step
    has failed. Raises ModelError if pocketsphinx is not installed; a step raises StageError if its process dies or
    stalls, and the next utterance gets a fresh one.
    """

    hop = SAMPLE_RATE // 10
    latency = 0
    sample_rate = SAMPLE_RATE
    name = "pocketsphinx"
    languages = ("en",)
    snapshots = False
    program = PROGRAM

    def __init__(self, agree: float = 0.8, margin: float = 0.3, timeout: float = 30.0) -> None:
        if not 0.2 <= agree <= 10.0 or not 0.0 <= margin <= 5.0 or timeout <= 0:
            raise SettingsError(
                "pocketsphinx: agree must be 0.2 to 10 s, margin 0 to 5 s and timeout more than 0 s, "
                f"not {agree:g}, {margin:g} and {timeout:g}"
            )
        if importlib.util.find_spec("pocketsphinx") is None:
            raise ModelError("pocketsphinx is not installed: pip install pocketsphinx")
        self._agree = max(2, round(agree * SAMPLE_RATE / self.hop))
        self._margin = round(margin * SAMPLE_RATE)
        self._timeout = timeout
        self._lock = threading.RLock()  # the collector may give a process back at any moment, in this very thread
        self._closed = False
        self._idle: list[WorkerProcess] = []
        self._all: weakref.WeakSet[WorkerProcess] = weakref.WeakSet()
        self._dither = np.random.default_rng(0).integers(-_DITHER, _DITHER, self.hop, endpoint=True).astype(np.float32)
        self.warm()

    def warm(self, processes: int = 1) -> None:
        """Starts processes until so many are idle; does not wait until they are ready."""
        with self._lock:
            while len(self._idle) < min(processes, _MOST_IDLE):
                self._idle.append(self._start())

    def initial_state(self, batch: int = 1) -> SphinxState:
        if batch != 1:
            raise StageError(f"pocketsphinx hears one utterance per state, not {batch}")
        return SphinxState(LocalAgreement(self._agree, self._margin))

    def step(self, chunk: np.ndarray, state: SphinxState) -> tuple[Hypothesis | None, SphinxState]:
        """chunk: (1600,) float32 in [-1, 1]."""
        answer = self._feed(chunk, state)
        hypothesis = state.agreement.update(_words(answer, state.heard), state.heard)
        if (hypothesis.text, hypothesis.stable) == (state.last.text, state.last.stable):
            return None, state
        state.last = hypothesis
        return hypothesis, state

    def flush(self, state: SphinxState) -> Hypothesis:
        if state.worker is None and not state.over:
            state.over = True  # nothing was heard
        if not state.over:
            answer = self._request(state, b"e")
            self._end(state)
            state.last = state.agreement.finish(_words(answer, state.heard))
        return state.last if state.last.final else state.agreement.finish(state.last.words)

    def abandon(self, state: SphinxState) -> None:
        """Kills the process of an utterance whose step does not end; the thread that waits for it gets an error."""
        if state.worker is not None:
            state.worker.kill()

    def close(self) -> None:
        """Ends all processes; an utterance that goes on is lost."""
        with self._lock:
            self._closed = True
            self._idle.clear()
            workers = list(self._all)
        for worker in workers:
            worker.close()

    def _feed(self, chunk: np.ndarray, state: SphinxState) -> Any:
        """What the process says about the utterance so far."""
        if len(chunk) != self.hop:
            raise StageError(f"{self.name} takes {self.hop} samples a step, not {len(chunk)}")
        if state.over:
            raise StageError(f"{self.name}: this utterance is over or lost; begin a new one")
        if state.worker is None:
            self._begin(state)
        pcm = np.clip(np.rint(chunk * 32767.0 + self._dither), -32768, 32767).astype("<i2")
        answer = self._request(state, b"f", pcm.tobytes())
        state.heard += len(chunk)
        return answer

    def _start(self) -> WorkerProcess:
        if self._closed:
            raise StageError(f"{self.name} has been closed")
        worker = WorkerProcess(self.program, self.name, timeout=self._timeout)
        self._all.add(worker)
        return worker

    def _begin(self, state: SphinxState) -> None:
        with self._lock:
            worker = self._idle.pop() if self._idle else self._start()
            while not worker.alive:
                worker.close()
                worker = self._idle.pop() if self._idle else self._start()
        state.worker = worker
        # A state that is dropped in mid-utterance gives its process back, too.
        state.release = weakref.finalize(state, self._give_back, worker)
        self._request(state, b"s")

    def _end(self, state: SphinxState) -> None:
        state.over = True
        release, state.worker, state.release = state.release, None, None
        if release is not None:
            release()

    def _give_back(self, worker: WorkerProcess) -> None:
        with self._lock:
            if not self._closed and worker.alive and len(self._idle) < _MOST_IDLE:
                self._idle.append(worker)
                return
        worker.close()

    def _request(self, state: SphinxState, operation: bytes, payload: bytes = b"") -> Any:
        assert state.worker is not None
        try:
            return state.worker.request(operation, payload)
        except StageError:
            state.worker.close()
            self._end(state)
            raise


def _words(answer: Any, heard: int) -> list[Word]:
    return [
        Word(text, first * _FRAME, min((last + 1) * _FRAME, heard), min(1.0, posterior))
        for text, first, last, _, posterior in answer["words"]
    ]
