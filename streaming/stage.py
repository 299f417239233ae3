"""The stage contract: every streaming computation, from an STFT to a recognizer, has this shape.

State is explicit: it goes in and comes out of `step`, and nothing mutable lives on the stage. So sessions share one
set of weights, and a state can be kept, batched, or rolled back. (moshi keeps state on the module; that allows one
stream per module and is what this contract avoids.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable

import numpy as np

from duplex.streaming.errors import InputError, StageError

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

    `step` neither changes nor keeps the chunk, which may be a buffer that the caller fills again. It may change the
    state it is given: `copy.deepcopy(state)` is a snapshot. A stage whose state wraps a foreign engine (a C decoder, a
    worker process) sets `snapshots = False`: such a state cannot be copied or rolled back.

    Most stages have a whole-signal twin, `forward(signal)`. From samples to samples it returns audio aligned with the
    input and of its length; otherwise exactly what the steps and the flush return, joined.
    """

    @property
    def hop(self) -> int: ...

    @property
    def latency(self) -> int: ...

    @property
    def sample_rate(self) -> int: ...

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

    For stages from samples to samples at one rate, of any latency: the first `latency` output samples are dropped and
    the flush completes the end, so output sample n belongs to input sample n.

    >>> from duplex.streaming.stft import SpectralFilter
    >>> blocks = Blocks(SpectralFilter(lambda spectrum: 0.5 * spectrum))
    >>> signal = np.sin(np.arange(1000, dtype=np.float32))
    >>> parts = [blocks.step(signal[:300]), blocks.step(signal[300:]), blocks.flush()]
    >>> [len(part) for part in parts]
    [0, 512, 488]
    >>> bool(np.allclose(np.concatenate(parts), 0.5 * signal, atol=1e-6))
    True
    """

    def __init__(self, stage: Stage[State, np.ndarray]) -> None:
        self.stage = stage
        self.state: State
        self._held: np.ndarray
        self._skip: int
        self._owed: int
        self._restart()

    @property
    def pending(self) -> int:
        """Input samples whose output is still to come."""
        return self._owed

    def step(self, block: np.ndarray) -> np.ndarray:
        """block: (n,) float32, any n. Returns what has become final, (m,). Raises InputError on other shapes."""
        if block.ndim != 1:
            raise InputError(f"a block must have shape (samples,), not {block.shape}: use one Blocks for each channel")
        self._owed += len(block)
        held = np.concatenate([self._held, block]) if len(self._held) else block
        hop = self.stage.hop
        whole = len(held) - len(held) % hop
        outs = []
        for at in range(0, whole, hop):
            out, self.state = self.stage.step(held[at : at + hop], self.state)
            outs.append(out)
        self._held = held[whole:].copy()
        return self._emit(outs)

    def flush(self) -> np.ndarray:
        """Everything still held back, cut to the input's exact length; a block after it begins a new stream.

        Raises StageError if the stage returns less than it declares.
        """
        outs = []
        if len(self._held):
            padded = np.zeros(self.stage.hop, np.float32)
            padded[: len(self._held)] = self._held
            out, self.state = self.stage.step(padded, self.state)
            outs.append(out)
        outs.append(self.stage.flush(self.state))
        audio, missing = self._emit(outs), self._owed
        self._restart()
        if missing:
            raise StageError(f"{type(self.stage).__name__} ended {missing} samples short: check its latency and flush")
        return audio

    def _restart(self) -> None:
        self.state = self.stage.initial_state(1)
        self._held = np.zeros(0, np.float32)
        self._skip = self.stage.latency
        self._owed = 0

    def _emit(self, outs: list[np.ndarray]) -> np.ndarray:
        audio = np.concatenate(outs) if outs else np.zeros(0, np.float32)
        skipped = min(self._skip, len(audio))
        self._skip -= skipped
        audio = audio[skipped : skipped + self._owed]
        self._owed -= len(audio)
        return audio
