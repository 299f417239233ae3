"""The stage contract: every streaming computation, from an STFT to a recogniser, has this shape.

State is explicit: it goes in and comes out of `step`, and nothing mutable lives on the stage. So sessions share one
set of weights, and a state can be kept, batched, or rolled back. (moshi keeps state on the module; that allows one
stream per module and is what this contract avoids.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

State = TypeVar("State")
Out = TypeVar("Out", covariant=True)


@runtime_checkable
class Stage(Protocol[State, Out]):
    """A streaming computation with declared hop and latency.

    Attributes:
        hop: samples (or frames, for stages on features) that one `step` takes, exactly.
        latency: algorithmic latency in the same unit: how far `step`'s output lags behind its input. The output at
            time t may depend on input up to t + latency and on nothing later.
        sample_rate: in Hz, of the input.

    A stage whose state wraps a foreign engine (a C decoder, a worker process) sets `snapshots = False`: such a
    state cannot be copied or rolled back.
    """

    hop: int
    latency: int
    sample_rate: int

    def initial_state(self, batch: int = 1) -> State: ...

    def step(self, chunk: Any, state: State) -> tuple[Out, State]: ...

    def flush(self, state: State) -> Out: ...


def stream(stage: Stage[State, Out], chunks: Iterable[Any], batch: int = 1) -> Iterator[Out]:
    """Run `stage` over chunks of exactly `stage.hop`, flush included; yields each output."""
    state = stage.initial_state(batch)
    for chunk in chunks:
        out, state = stage.step(chunk, state)
        yield out
    yield stage.flush(state)


class Blocks(Generic[State]):
    """Feeds blocks of any size to a stage of a fixed hop, and returns audio of exactly the input's length.

    For stages from samples to samples, of any latency: the first `latency` output samples are dropped and the
    flush completes the end, so output sample n belongs to input sample n.

    >>> from streaming.stft import Stft  # doctest: +SKIP
    """

    def __init__(self, stage: Stage[State, np.ndarray]) -> None:
        self.stage = stage
        self.state = stage.initial_state(1)
        self._held = np.zeros(0, np.float32)
        self._skip = stage.latency
        self._owed = 0

    def step(self, block: np.ndarray) -> np.ndarray:
        """block: (n,) float32, any n. Returns what has become final, (m,) float32."""
        self._owed += len(block)
        held = np.concatenate([self._held, block]) if len(self._held) else block
        outs = []
        hop = self.stage.hop
        whole = len(held) - len(held) % hop
        for at in range(0, whole, hop):
            out, self.state = self.stage.step(held[at : at + hop], self.state)
            outs.append(out)
        self._held = held[whole:].copy()
        return self._emit(outs)

    def flush(self) -> np.ndarray:
        """Everything still held back, cut to the input's exact length."""
        outs = []
        if len(self._held):
            padded = np.zeros(self.stage.hop, np.float32)
            padded[: len(self._held)] = self._held
            self._held = self._held[:0]
            out, self.state = self.stage.step(padded, self.state)
            outs.append(out)
        outs.append(self.stage.flush(self.state))
        return self._emit(outs)

    def _emit(self, outs: list[np.ndarray]) -> np.ndarray:
        audio = np.concatenate(outs) if outs else np.zeros(0, np.float32)
        skipped = min(self._skip, len(audio))
        self._skip -= skipped
        audio = audio[skipped : skipped + self._owed]
        self._owed -= len(audio)
        return audio
