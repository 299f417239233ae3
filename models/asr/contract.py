"""What a recognizer is: a stage over one utterance, from samples to a growing hypothesis."""

from __future__ import annotations

from typing import Protocol, TypeVar

import numpy as np

from duplex.streaming.policies.hypothesis import Hypothesis, Word

__all__ = ["Hypothesis", "Recognizer", "Word"]

State = TypeVar("State")


class Recognizer(Protocol[State]):
    """A stage (streaming.stage) whose stream is one utterance: `initial_state`, `step` by `hop`, `flush` at its end.

    `step` returns a hypothesis when there is a new one, else None; `flush` returns the final one. Word texts are
    as the model writes them: cased and punctuated, or lower case without punctuation. Who compares words does so by
    `duplex.streaming.policies.local_agreement.comparable` or, in turn taking, `plain_words`.
    `close` ends worker processes.

    A recognizer may have `peek(state, rest)`: the hypothesis that `flush` would give now, not final, while the
    utterance goes on. rest: (n,) float32, less than a hop, heard since the last step; it comes again with what follows.
    It is asked for at a pause, so that a turn need not wait for the end of its utterance.

    A recognizer may have `hold(chunk, state)`: takes a hop in without looking for words, which costs nothing; False,
    and nothing is taken, where it has to look. It is asked where more sound waits: words on the way would be late, and
    looking for them would make what follows later still.
    """

    hop: int
    latency: int
    sample_rate: int
    name: str

    def initial_state(self, batch: int = 1) -> State: ...

    def step(self, chunk: np.ndarray, state: State) -> tuple[Hypothesis | None, State]: ...

    def flush(self, state: State) -> Hypothesis: ...

    def close(self) -> None: ...
