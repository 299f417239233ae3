"""The gate of control tokens: what a language model says next, of five tokens that stand for decisions.

As Audio Interaction (arXiv 2606.05121, 3.2) reads KEEP_SILENCE or TEXT_BEGIN after every block, with SALMONN-omni's
(arXiv 2505.17060) decisions while it speaks.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from duplex.models.interaction.decider.contract import Action, Situation, Verdict
from duplex.models.interaction.decider.model_stream import ModelStream, StreamState
from duplex.models.interaction.percepts import Percept
from duplex.streaming.errors import ModelError

CONTROL_TOKENS: dict[Action, str] = {
    "silent": "<|silent|>",
    "respond": "<|respond|>",
    "backchannel": "<|backchannel|>",
    "yield": "<|yield|>",
    "resume": "<|resume|>",
}
NEEDED: tuple[Action, ...] = ("silent", "respond")
"""A vocabulary without the others makes no such decisions."""

ORDER: tuple[Action, ...] = ("yield", "respond", "resume", "backchannel")
"""Of equal scores the first counts, and silence before all of them."""


class ControlTokenGate:
    """tokens: the id of each decision's token. threshold: probability, among them, from which one is acted on.

    The score is the probability of the decision among the control tokens.
    """

    name = "token"

    def __init__(self, stream: ModelStream, tokens: Mapping[Action, int], threshold: float = 0.5) -> None:
        self._stream = stream
        self._tokens = dict(tokens)
        self._threshold = threshold

    def initial_state(self) -> StreamState:
        return StreamState()

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: StreamState
    ) -> tuple[Verdict | None, StreamState]:
        """Raises ModelError for logits that are no numbers."""
        cache, state = self._stream.read(percepts, situation, state)
        logits = np.array([float(cache.logits[token]) for token in self._tokens.values()])
        action, score = _likeliest(dict(zip(self._tokens, _softmax(logits), strict=True)), self._threshold)
        return Verdict(action, score, self.name), state


def _softmax(logits: np.ndarray) -> list[float]:
    if not np.isfinite(logits).all():
        raise ModelError("the decider's model gave logits that are no numbers: its weights do not fit, or overflow")
    weights = np.exp(logits - logits.max())
    return [float(weight) for weight in weights / weights.sum()]


def _likeliest(probabilities: Mapping[Action, float], threshold: float) -> tuple[Action, float]:
    acting = [action for action in ORDER if action in probabilities]
    best = max(acting, key=lambda action: probabilities[action])  # the first of equal ones
    if probabilities[best] >= threshold and probabilities[best] > probabilities["silent"]:
        return best, probabilities[best]
    return "silent", probabilities["silent"]


def control_tokens(name: str, tokenizer: Any, spelling: Mapping[Action, str] | None = None) -> dict[Action, int]:
    """The ids of the control tokens in a vocabulary of `transformers`.

    name: of the model, for the error. spelling: of each decision's token; CONTROL_TOKENS if not given. Raises
    ModelError if one of NEEDED is no single token of it.
    """
    spelling = {**CONTROL_TOKENS, **(spelling or {})}
    vocabulary = tokenizer.get_vocab()
    found = {action: int(vocabulary[token]) for action, token in spelling.items() if token in vocabulary}
    missing = [spelling[action] for action in NEEDED if action not in found]
    if missing:
        raise ModelError(
            f"{name}: its vocabulary has no control tokens {', '.join(missing)}; take a model that was trained to "
            "decide, or one of the other gates (head, held_reply)"
        )
    return found
