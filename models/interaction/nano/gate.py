"""The gate of Duplex-nano: the control token that follows a block is its decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from duplex.models.interaction.decider.contract import BLOCK, Action, Situation, Verdict
from duplex.models.interaction.nano.graph import NanoGraph, without
from duplex.models.interaction.nano.stream_format import Heard, block_tokens
from duplex.models.interaction.nano.vocabulary import ACTIONS, BEGIN, DECISIONS, Vocabulary
from duplex.models.interaction.percepts import Percept

WINDOW = 384
"""Entries of the cache: about a minute of talk, as long as the streams of the training."""
GRID = 1e-3
"""Seconds by which a block may be asked about too early."""
CAUGHT_UP = 5
"""Blocks that are read behind one another when there was no time for them: 2 s."""
KEPT = 256
"""Entries that stay when the window is full; so whole blocks go rarely, not one with each that comes."""


@dataclass(slots=True)
class NanoState:
    """heard: what has been written as tokens. cache: of the network. blocks: entries of each block in it, oldest first,
    after the one of BEGIN. pending: tokens to be read with the next block: BEGIN at first, then a decision that was
    made. held: percepts of the block that is not over. due: when it is, in seconds.
    """

    heard: Heard
    cache: np.ndarray
    blocks: list[int] = field(default_factory=list)
    pending: list[int] = field(default_factory=lambda: [BEGIN])
    held: list[Percept] = field(default_factory=list)
    due: float = 0.0

    def copy(self) -> NanoState:
        """A state that goes its own way from here."""
        return NanoState(
            self.heard.copy(), self.cache, list(self.blocks), list(self.pending), list(self.held), self.due
        )


class NanoGate:
    """See decider.contract.Gate. threshold: probability from which a decision other than silence is taken.

    The network was trained on a grid of blocks of 0.4 s: in the midst of one it has no opinion, and blocks that nobody
    asked about are read with the next, up to CAUGHT_UP.
    """

    name = "nano"

    def __init__(self, graph: NanoGraph, vocabulary: Vocabulary, threshold: float = 0.5, window: int = WINDOW) -> None:
        self.graph, self.vocabulary, self.threshold = graph, vocabulary, threshold
        self._window, self._kept = window, min(KEPT, window * 2 // 3)

    def initial_state(self) -> NanoState:
        return NanoState(Heard(), self.graph.initial_cache())

    def read(
        self, percepts: Sequence[Percept], situation: Situation, state: NanoState
    ) -> tuple[Verdict | None, NanoState]:
        state.held += percepts
        if situation.now < state.due - GRID:
            return None, state
        missed = int((situation.now - state.due + GRID) / BLOCK) if state.due else 0
        state.due = (int((situation.now + GRID) / BLOCK) + 1) * BLOCK
        quiet = [block_tokens([], situation, state.heard, self.vocabulary) for _ in range(min(missed, CAUGHT_UP))]
        block = block_tokens(state.held, situation, state.heard, self.vocabulary)
        state.held = []
        tokens = [*state.pending, *(token for each in (*quiet, block) for token in each)]
        self._make_room(state, len(tokens))
        logits, state.cache = self.graph.step(tokens, state.cache)
        state.blocks += [len(each) for each in quiet]
        state.blocks.append(len(block) + len(state.pending) - (BEGIN in state.pending))
        chances = probabilities(logits, situation)
        place = int(chances[1:].argmax()) + 1
        if chances[place] < self.threshold:
            place = 0
        action = ACTIONS[place]
        return Verdict(action, float(chances[place]), self.name), self.decided(action, state)

    @staticmethod
    def decided(action: Action, state: NanoState) -> NanoState:
        """The decision of the last block was `action`, whatever this gate said."""
        state.pending = [] if action == "silent" else [DECISIONS[ACTIONS.index(action)]]
        return state

    def _make_room(self, state: NanoState, coming: int) -> None:
        """Evicts the oldest blocks, but never the first entry, to which attention goes that has nowhere else to go."""
        if state.cache.shape[3] + coming <= self._window:
            return
        count = 0
        while state.blocks and state.cache.shape[3] - count > self._kept:
            count += state.blocks.pop(0)
        state.cache = without(state.cache, 1, count)


def probabilities(logits: np.ndarray, situation: Situation) -> np.ndarray:
    """(ACTIONS,): the chances of the decisions that the situation allows."""
    scores = logits[list(DECISIONS)].astype(np.float64)
    possible = np.array([allowed(action, situation) for action in ACTIONS])
    scores = np.where(possible, scores - scores[possible].max(), -np.inf)
    chances = np.exp(scores)
    return chances / chances.sum()


def allowed(action: Action, situation: Situation) -> bool:
    """Whether a decision means anything in a situation."""
    replying = situation.speaking or situation.held
    match action:
        case "respond":
            return not (replying or situation.answering)
        case "backchannel":
            return not (replying or situation.answering)
        case "yield":
            return replying or situation.answering
        case "resume":
            return situation.held
    return True
