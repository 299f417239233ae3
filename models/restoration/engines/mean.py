"""The mean of what several engines make of the same sound.

Networks that were trained apart err apart: artefacts and the noise that each leaves are partly its own, and their mean
has less of them than any one. The engines keep their hops; each is delayed to the latency of the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex.models.restoration.stage import check_single, finite_block, flushed
from duplex.streaming.errors import StageError
from duplex.streaming.stage import Stage


@dataclass(frozen=True, slots=True)
class RehoppedState:
    """heard: the last samples that came, of which the last `waiting` are still to be taken. ready: samples to be given
    out, zeros behind them. inner: of the stage."""

    heard: np.ndarray
    waiting: int
    ready: np.ndarray
    inner: Any


class Rehopped:
    """A stage from samples to samples, for one stream, in other hops and with a latency no less than its own."""

    def __init__(self, stage: Stage[Any, np.ndarray], hop: int, latency: int | None = None) -> None:
        self._stage = stage
        self._reserve = stage.hop - math.gcd(stage.hop, hop)
        least = stage.latency + self._reserve
        self.hop, self.sample_rate = hop, stage.sample_rate
        self.latency = least if latency is None else latency
        if self.latency < least:
            raise StageError(f"a latency of {latency} samples is less than the {least} that hops of {hop} take")
        self._ahead = self.latency - stage.latency

    def initial_state(self, batch: int = 1) -> RehoppedState:
        check_single(batch)
        heard, ready = (np.zeros(size, np.float32) for size in (self._reserve, self._ahead))
        return RehoppedState(heard, 0, ready, self._stage.initial_state())

    def step(self, chunk: np.ndarray, state: RehoppedState) -> tuple[np.ndarray, RehoppedState]:
        """chunk (hop,) float32 -> the samples `latency` before it, and the new state."""
        hop, inner = self._stage.hop, state.inner
        samples = np.concatenate([state.heard, chunk])
        due = samples[self._reserve - state.waiting :]
        waiting = len(due) % hop
        outs = [state.ready[: self._ahead - state.waiting]]
        for at in range(0, len(due) - waiting, hop):
            out, inner = self._stage.step(due[at : at + hop], inner)
            outs.append(out)
        given = np.concatenate([*outs, np.zeros(waiting, np.float32)])
        heard = samples[len(samples) - self._reserve :]
        return given[: self.hop], RehoppedState(heard, waiting, given[self.hop :], inner)


class MeanStage:
    """Obeys `duplex.streaming.stage.Stage` for a batch of one; its state has that of each engine.

    weighted: stages of one sample rate, each with its weight; the weights add up to one. hop: in samples.
    """

    def __init__(self, weighted: Sequence[tuple[Stage[Any, np.ndarray], float]], hop: int) -> None:
        self.latency = max(Rehopped(stage, hop).latency for stage, _ in weighted)
        self.hop, self.sample_rate = hop, weighted[0][0].sample_rate
        self._stages = [Rehopped(stage, hop, self.latency) for stage, _ in weighted]
        self._weights = [np.float32(weight) for _, weight in weighted]

    def initial_state(self, batch: int = 1) -> tuple[RehoppedState, ...]:
        check_single(batch)
        return tuple(stage.initial_state() for stage in self._stages)

    def step(self, chunk: np.ndarray, state: tuple[RehoppedState, ...]) -> tuple[np.ndarray, tuple[RehoppedState, ...]]:
        """chunk (hop,) float32 -> the samples `latency` before it, restored, and the new state. Raises InputError."""
        block = finite_block(chunk, self.hop)
        results = [stage.step(block, each) for stage, each in zip(self._stages, state, strict=True)]
        total = sum(weight * out for weight, (out, _) in zip(self._weights, results, strict=True))
        return np.asarray(total, np.float32), tuple(after for _, after in results)

    def flush(self, state: tuple[RehoppedState, ...]) -> np.ndarray:
        """The last `latency` samples."""
        return flushed(self, state)
