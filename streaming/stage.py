"""The stage contract: every streaming computation, from an STFT to a recognizer, has this shape.

State is explicit: it goes in and comes out of `step`, and nothing mutable lives on the stage. So sessions share one
set of weights, and a state can be kept, batched, or rolled back. (moshi keeps state on the module; that allows one
stream per module and is what this contract avoids.)
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Protocol, TypeVar, runtime_checkable

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
