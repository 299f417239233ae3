"""The interface between the HTTP front end and what holds the calls.

The front end knows only this interface. A call may live in its process, in another, or on another machine.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from duplex.engines import Engines
from duplex.serving.http.call_request import CallRequest
from duplex.serving.rooms.call import Peer
from duplex.serving.rooms.session_keeper import SessionKeeper
from duplex.settings import Settings
from duplex.streaming.clock import Clock
from duplex.streaming.pool import Steps

PeerFactory = Callable[[str], Peer]
"""A call's id to a fresh connection."""


@dataclass(frozen=True, slots=True)
class Load:
    """How a host is doing. late_ms: 95th percentile of frame lateness. shed: names of what it has given up."""

    host: str
    calls: int
    online: int
    rooms: int
    capacity: int
    late_ms: float
    cpu: float = 0.0
    """Share of a core that the process has taken lately."""
    shed: tuple[str, ...] = ()
    draining: bool = False
    counters: dict[str, float] = field(default_factory=dict)
    steps: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Model steps by name: how many there were, and the seconds they took."""
    wires: dict[str, int] = field(default_factory=dict)
    """How many of the calls are held on which wire; "page" is the browser's."""
    loop: dict[str, float] = field(default_factory=dict)
    """Lateness of the event loop in seconds: "longest" and "p99"; "stalls": how often it was late by 20 ms or more."""

    @property
    def accepts(self) -> bool:
        return not self.draining and self.calls < self.capacity and "new calls" not in self.shed


@dataclass(frozen=True, slots=True)
class News:
    """What has happened in the room `room` since a given event: events, and the number of the next.

    over: whether the call that was asked about has ended. captions: the language in which its person reads them; empty:
    none. speaks: the language of the person; interpret: those who speak another are spoken to them in it.
    """

    room: str
    events: list[dict[str, Any]]
    end: int
    over: bool
    captions: str = ""
    speaks: str = ""
    interpret: bool = True


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a call comes from when it is not new: its id stays what it was, and so does the language of its captions.
    resume: as `ResumeState.pack` gives it; empty if nothing was said."""

    call: str
    resume: bytes = b""
    captions: str = ""


@dataclass(frozen=True, slots=True)
class Place:
    """What a wire of its own makes its sessions of, one at a time. connect: a fresh connection of WebRTC, by a name.

    keeper: a sink that every one of them must have, and which is told when one has begun.
    """

    settings: Settings
    engines: Engines
    steps: Steps
    clock: Clock
    connect: PeerFactory
    keeper: SessionKeeper


@runtime_checkable
class PlaceHost(Protocol):
    """A host that also has places for conversations without a room."""

    def voices(self) -> frozenset[str]:
        """Names of the voices that its conversations may have."""
        ...

    def place(self, wire: str) -> AbstractAsyncContextManager[Place]:
        """A place, which counts as a call on this wire while it is entered. Raises CallError if the host is full."""
        ...


@dataclass(frozen=True, slots=True)
class Door:
    """Where another process that holds calls serves programs too, for its front end alone. url: without a path."""

    url: str
    token: str
    voices: frozenset[str] = frozenset()


@runtime_checkable
class DoorHost(Protocol):
    """A host whose calls are held by other processes, which have places for conversations without a room too."""

    def voices(self) -> frozenset[str]:
        """Names of the voices that conversations may have."""
        ...

    def door(self, *, call: bool = False) -> AbstractContextManager[Door]:
        """Of the process under the least pressure. call: it is entered for one more call, which counts from then on.
        Raises CallError if none takes any."""
        ...

    def doors(self) -> list[Door]:
        """All of them."""
        ...


class CallHost(Protocol):
    """Holds calls. Every method that names one raises CallError if it is unknown or over."""

    async def create(self, request: CallRequest, placement: Placement | None = None) -> dict[str, Any]:
        """A new call: {"session", "name", "room", "parties", "offers"}. Raises CallError if there is no room for it."""
        ...

    async def offer(self, call: str, sdp: str) -> str:
        """A browser's offer to the answer. Raises TransportError on an unusable one."""
        ...

    async def state(self, call: str, since: int = 0, most: int | None = None) -> dict[str, Any]:
        """The call and its room, with at most `most` events from number `since` on; "next" is where to go on."""
        ...

    async def export(self, call: str, name: str) -> tuple[str, str]:
        """(media type, text) of a download."""
        ...

    async def consent(self, call: str, record: bool) -> dict[str, Any]: ...

    async def recording(self, call: str, offset: int, size: int) -> bytes:
        """Bytes of the recording from `offset` on; empty at its end. Raises CallError if there is none."""
        ...

    async def delete_recording(self, call: str) -> None:
        """Withdraw consent and delete the recording; returns when it is gone."""
        ...

    async def close(self, call: str) -> None:
        """Hang up; what was said can be fetched for a while. Once more: forget it."""
        ...

    async def load(self) -> list[Load]:
        """Of each process that holds calls."""
        ...

    async def drain(self, seconds: float) -> None:
        """No new calls; returns when the last one is over, at the latest after `seconds`."""
        ...

    async def stop(self) -> None: ...
