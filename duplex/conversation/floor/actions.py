"""What the floor wants done: records, carried out by the turn manager in their order."""

from __future__ import annotations

from dataclasses import dataclass

from duplex.events import DecisionKind


@dataclass(frozen=True, slots=True)
class Decide:
    """Log a decision. since: the moment it goes back to; epoch: the reply that it is about."""

    kind: DecisionKind
    reason: str
    since: int
    epoch: int


@dataclass(frozen=True, slots=True)
class EndTurn:
    """The turn is over. texts: (party, text, start, end) in the order of speaking; the last one is to be answered."""

    turn: int
    epoch: int
    texts: tuple[tuple[str, str, int, int], ...]
    limited: bool


@dataclass(frozen=True, slots=True)
class Message:
    """What a party has typed, at the sample `at`. told: it has been a turn already, whose reply was taken back."""

    party: str
    text: str
    at: int
    told: bool = False


@dataclass(frozen=True, slots=True)
class TypedTurn:
    """What was typed is to be answered, together with what had been said until then (as in EndTurn, under the number
    before those of the messages). turn: the number of the last message; each that is not told yet has its own."""

    turn: int
    epoch: int
    texts: tuple[tuple[str, str, int, int], ...]
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Backchannel:
    """A party said something that does not take the floor."""

    party: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Announce:
    """Speak what is due."""

    epoch: int


@dataclass(frozen=True, slots=True)
class CutIn:
    """Speak what is urgent at the next clause end of the reply that is audible; `epoch` is the announcement's own."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Say one short word that leaves the floor to the user; `epoch` is its own."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back the reply of this epoch: nothing of it was audible."""

    epoch: int


@dataclass(frozen=True, slots=True)
class Suspend:
    epoch: int
    onset: int


@dataclass(frozen=True, slots=True)
class Resume:
    epoch: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Drop the rest of the reply of this epoch for good."""

    epoch: int
    onset: int


Action = (
    Decide
    | EndTurn
    | TypedTurn
    | Backchannel
    | Announce
    | CutIn
    | Acknowledge
    | Withdraw
    | Suspend
    | Resume
    | Interrupt
)
