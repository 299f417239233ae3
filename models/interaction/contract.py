"""What an answerer is: a turn and what was heard before it go in, text comes out as it is made.

An answerer knows no session; what it may know of one comes in the request as facts.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeVar

import numpy as np

from duplex.models.interaction.decider.contract import Gate, Situation, Verdict
from duplex.streaming.system_zone import SYSTEM_ZONE, in_system_zone

if TYPE_CHECKING:
    from duplex.models.interaction.tools.tool import Tool

T = TypeVar("T")


class Steps(Protocol):
    """Runs steps elsewhere than on the event loop, such as `streaming.pool.InferencePool`."""

    async def run(self, name: str, step: Callable[..., T], *args: Any) -> T: ...


SILENCE = "(I have said nothing for a while.)"
"""The text of a turn in which nobody has spoken for so long that the party is to be prompted."""

STILL_THERE = "Are you still there?"
"""The prompt where no model makes one."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """Something that was really heard: by the assistant from a party, or by the user from the assistant."""

    party: str
    """"assistant", or the name of the party that spoke."""
    text: str
    start: float
    end: float
    """Seconds on the session's clock."""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class Note:
    """Something to be remembered: what was said, by whom, and when, in seconds on the session's clock (below 0: before
    the session)."""

    text: str
    by: str
    at: float


@dataclass(frozen=True, slots=True)
class Request:
    """A turn to be answered."""

    text: str
    party: str = "user"
    history: tuple[Utterance, ...] = ()
    """Everything heard so far, oldest first, without the turn itself."""
    now: float = 0.0
    """Seconds on the session's clock."""
    wall_time: datetime = field(default_factory=lambda: datetime.now(SYSTEM_ZONE))
    """In a zone, not with the fixed offset of one moment, which would make alarms wrong across a change of it."""
    language: str = "en"
    timers: tuple[Control, ...] = ()
    """The "timer" controls still pending, earliest first."""
    notes: tuple[Note, ...] = ()
    """What is remembered of the party, of this conversation and earlier ones, oldest first."""
    confidence: float = 1.0
    """Of the words of the turn, on average, as the recognizer has it: 0 to 1; 1 for what was typed."""
    dialogue: str = field(default="", compare=False)
    """Names the conversation among those that one answerer serves."""
    steps: Steps | None = field(default=None, compare=False, repr=False)
    """Where to run work that would hold up the event loop; None runs it at once, in the caller."""
    instructions: str = ""
    """To a language model, of this conversation; empty: its own."""
    typed: bool = False
    """Whether it was written: who listens for himself has not heard it."""
    tools: tuple[Tool, ...] = field(default=(), compare=False, repr=False)
    """Of this conversation, besides those of the answerer; they hide those of the same names."""
    must_call: bool = False
    """Whether the answer has to begin with a call of one of `tools`, and only those may be called then. An answerer
    that finds none to call answers as it can."""
    report: Report | None = field(default=None, compare=False, repr=False)
    """Who is told of the calls of tools and of memory, on the event loop; a call that outlives its answer is told of as
    well."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "wall_time", in_system_zone(self.wall_time))

    async def run(self, name: str, step: Callable[..., T], *args: Any) -> T:
        """Runs `step(*args)` on `steps`, its cost booked under `name`."""
        return step(*args) if self.steps is None else await self.steps.run(name, step, *args)


@dataclass(frozen=True, slots=True)
class Say:
    """A piece of the answer's text; pieces are joined as they are."""

    text: str


@dataclass(frozen=True, slots=True)
class Control:
    """Something the session should do beside speaking.

    "stop": say no more. "volume"/"rate": multiply by `value`. "timer": speak `text` by itself at `at` (seconds on the
    session's clock). "cancel_timers": forget those pending. "repeat": say the last reply again.
    """

    action: Literal["stop", "volume", "rate", "timer", "cancel_timers", "repeat"]
    value: float = 1.0
    text: str = ""
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class CallBegun:
    """A tool is called. call: names the call among those of the process."""

    call: str
    tool: str
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CallEnded:
    """A tool has ended: with a result, or failed, and then `text` is the reason.

    late: its answer was given up before (a barge-in), so nobody has been told.
    """

    call: str
    tool: str
    text: str
    failed: bool = False
    late: bool = False


@dataclass(frozen=True, slots=True)
class MemoryUsed:
    """Long-term memory in an answer. kept: texts of notes made of the turn; used: of those that bear on it and were
    given with it; forgotten: of those deleted."""

    kept: tuple[str, ...] = ()
    used: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.kept or self.used or self.forgotten)


Report = Callable[[CallBegun | CallEnded | MemoryUsed], None]


class Answerer(Protocol):
    """Streams an answer. Closing the iterator early (a barge-in) abandons the work.

    Raises EndpointError when a server refuses, stalls or dies; what was yielded before stands. An answerer that has
    nothing to say to a turn yields nothing.
    """

    name: str

    def answer(self, request: Request) -> AsyncIterator[Say | Control]: ...

    async def close(self) -> None: ...


class Prepares(Protocol):
    """An answerer that can work in advance has these as well."""

    async def prepare(self, request: Request) -> None:
        """The turn is not over, and says `request.text` so far; more may come, and words may be revised.

        Answering is never held up by it. Raises what `answer` raises.
        """
        ...

    def forget(self, dialogue: str) -> None:
        """The conversation is over: what is kept of it may go."""
        ...


class Listens(Protocol):
    """What hears the conversation for itself, beside the recognizer: the `listener` of an answerer that has one.

    block: samples at 16 kHz after which it decides. ahead: samples beyond a block that it needs for that.
    """

    @property
    def block(self) -> int: ...

    @property
    def ahead(self) -> int: ...

    def hear(self, dialogue: str, samples: np.ndarray, situation: Situation) -> Verdict | None:
        """samples: (n,) float32, what was heard since the last call: one block, or several if it is late; it decides
        once. Blocking, on any thread. None: no opinion.

        Raises ModelError.
        """
        ...

    def gate(self, dialogue: str) -> Gate[Any]:
        """Gives a decider what `hear` has decided last, once."""
        ...

    def heard(self, dialogue: str, text: str, answer: bool) -> None:
        """What was really heard of what the assistant said: of the answer to the last request, or of something else.

        Returns at once.
        """
        ...


def listener_of(answerer: Answerer) -> Listens | None:
    """What of the answerer listens for itself; None if it waits for the words of a turn."""
    return getattr(answerer, "listener", None)
