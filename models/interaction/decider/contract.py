"""What a decider is: a block's percepts go in, one decision comes out, also while the assistant speaks.

It decides nothing by itself: the floor carries out what its table allows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeVar

from duplex.models.interaction.percepts import Percept, Sound

BLOCK = 0.4
"""Seconds of a decision block (Audio Interaction, arXiv 2606.05121, table of chunk sizes)."""

Action = Literal["silent", "respond", "backchannel", "yield", "resume"]
"""silent: go on as it is. respond: answer now. backchannel: a word that leaves the floor to the user. yield: end the
reply, or hold it. resume: go on with the reply that is held."""

State = TypeVar("State")


@dataclass(frozen=True, slots=True)
class Situation:
    """What the floor and playback say about the moment of a decision.

    now: seconds on the session's clock. speaking: a reply is audible. held: a reply is held. answering: a reply is
    being made and nothing of it is audible yet. turn_open: the user has the floor, or may be taking it. asked: the
    assistant's last sentence was a question. since: words that began before that are of turns that are over; it falls
    back when such a turn goes on after all. rest: what has not been heard of the reply that is audible or held.
    patience: seconds of silence after which the turn that is open counts as over, as the models of turn taking have it.
    noticed: a sound that waits to be spoken of, where that may be now.
    """

    now: float
    speaking: bool = False
    held: bool = False
    answering: bool = False
    turn_open: bool = False
    asked: bool = False
    since: float = 0.0
    rest: str = ""
    patience: float = 0.8
    noticed: Sound | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """A gate's or a decider's decision, its score (0 to 1: how sure), which gate it is from and why, in a few words."""

    action: Action
    score: float
    gate: str
    reason: str = ""


class Gate(Protocol[State]):
    """One way to read a decision: a rule, a control token, a head on a hidden state, the perplexity of a held reply.

    State is explicit. `read` takes the percepts since the last one, oldest first, and may change the state that it is
    given. None: this gate has no opinion. It may run on any thread and never waits.
    """

    name: str

    def initial_state(self) -> State: ...

    def read(self, percepts: Sequence[Percept], situation: Situation, state: State) -> tuple[Verdict | None, State]: ...


class Decider(Protocol[State]):
    """Gates fused to one decision a block."""

    name: str

    def initial_state(self) -> State: ...

    def step(self, percepts: Sequence[Percept], situation: Situation, state: State) -> tuple[Verdict, State]: ...
