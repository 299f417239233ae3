"""The gate of a held reply: is what was about to be said still what fits? (LiveStar, arXiv 2511.05299, 3.2.)

When a reply is held, the perplexity of its unheard rest is measured. As long as what is heard since leaves it as likely
as it was, the reply goes on once it is quiet; when it becomes unlikely, it was overtaken by what was said. Nothing is
trained for this.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from duplex.models.interaction.decider.contract import Situation, Verdict
from duplex.models.interaction.decider.model_stream import ModelStream, StreamState
from duplex.models.interaction.decider.percept_text import ASSISTANT
from duplex.models.interaction.percepts import Percept
from duplex.streaming.errors import ModelError

LONGEST = 48
"""Tokens of the rest that are measured."""


@dataclass(frozen=True, slots=True)
class HeldState:
    """rest: the held text; surprisal: nats a token of it when it was held, None while nothing is held."""

    stream: StreamState = field(default_factory=StreamState)
    rest: str = ""
    surprisal: float | None = None


class HeldReplyGate:
    """alpha: the growth of the perplexity from which the reply is overtaken (1.02 to 1.04 in the paper, on captions).
    It has no opinion while no reply is held."""

    name = "held_reply"

    def __init__(self, stream: ModelStream, alpha: float = 1.03) -> None:
        self._stream = stream
        self._alpha = alpha

    def initial_state(self) -> HeldState:
        return HeldState()

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: HeldState
    ) -> tuple[Verdict | None, HeldState]:
        """Raises ModelError for a perplexity that is no number."""
        cache, stream = self._stream.read(percepts, situation, state.stream, f"\n{ASSISTANT}:")
        ids = list(self._stream.encode(f" {situation.rest}"))[:LONGEST] if situation.rest else []
        if not situation.held or not ids:
            return None, HeldState(stream)
        surprisal = self._stream.lm.surprisal(cache, ids)
        if not math.isfinite(surprisal):
            raise ModelError("the decider's model gave a perplexity that is no number")
        if state.surprisal is None or state.rest != situation.rest:
            return None, HeldState(stream, situation.rest, surprisal)
        growth = math.exp(surprisal - state.surprisal)
        state = HeldState(stream, state.rest, state.surprisal)
        reason = f"the held reply is {growth:.2f} times as perplexing"
        if growth > self._alpha:
            return Verdict("yield", min(1.0, growth - self._alpha + 0.5), self.name, reason), state
        if stream.text.active:
            return Verdict("silent", 0.5, self.name, reason), state
        return Verdict("resume", min(1.0, self._alpha - growth + 0.5), self.name, reason), state
