"""What a recognizer is: a stage over one utterance, from samples to a growing hypothesis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Word:
    """A recognized word; `start` and `end` are samples at 16 kHz from the utterance's beginning."""

    text: str
    start: int
    end: int
    confidence: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """What the utterance says so far.

    words[:stable] is never taken back: each later hypothesis of the utterance begins with the same texts. The rest
    may change. A final hypothesis is all stable.
    """

    words: tuple[Word, ...] = ()
    stable: int = 0
    final: bool = False

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


class Recognizer(Protocol[State]):
    """A stage (streaming.stage) whose stream is one utterance: `initial_state`, `step` by `hop`, `flush` at its end.

    `step` returns a hypothesis when there is a new one, else None; `flush` returns the final one. Word texts are
    lower case without punctuation unless the model writes them otherwise. `close` ends worker processes.
    """

    hop: int
    latency: int
    sample_rate: int
    name: str

    def initial_state(self, batch: int = 1) -> State: ...

    def step(self, chunk: np.ndarray, state: State) -> tuple[Hypothesis | None, State]: ...

    def flush(self, state: State) -> Hypothesis: ...

    def close(self) -> None: ...
