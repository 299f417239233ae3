"""A process that holds calls for a front end elsewhere: a Ray actor around an in-process host.

Signalling and events go through the front end; sound does not: the browser's connection is with this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

from duplex.engines import Engines
from duplex.serving.hosts.contract import Load, News
from duplex.serving.hosts.ice_servers import SharedSecretIceServers
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.retention import Recordings
from duplex.serving.hosts.shedding import LATE, Shedder
from duplex.serving.hosts.worker_door import open_door
from duplex.serving.http.limits import Limits
from duplex.settings import Settings
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import CallError, DuplexError


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """What a worker needs to know. recordings: folder, on the worker's own disk; empty: none are kept.

    late: as a Shedder's. make_engines: instead of `Engines.from_settings`; workers must be able to import it.
    """

    settings: Settings
    limits: Limits
    recordings: str = ""
    keep: float = 24 * 3600.0
    stun: Sequence[str] = ()
    turn: Sequence[str] = ()
    turn_secret: str = ""
    late: float = LATE
    make_engines: Callable[[Settings], Engines] | None = None
    programs: bool = True
    """Whether programs are served too, through the front end."""


class Worker:
    """The actor. One copy of the weights, whatever the number of its calls."""

    def __init__(self, name: str, options: WorkerOptions) -> None:
        self._name = name
        self._options = options
        self._host: InProcessHost | None = None
        self._door = AsyncExitStack()

    async def start(self, front: str = "") -> tuple[bool, Any]:
        """front: the address of the front end's machine. (True, the Door for it or None), or (False, the DuplexError
        that kept the engines from being had)."""
        from duplex.transport.webrtc import WebRtcPeer

        options, clock = self._options, SystemClock()
        try:
            servers = SharedSecretIceServers(
                options.stun, options.turn, options.turn_secret, options.limits.longest, wall_time=time.time
            )
            host = InProcessHost(
                options.settings,
                lambda call: WebRtcPeer(clock, ice_servers=servers(call)),
                clock=clock,
                limits=options.limits,
                recordings=Recordings(options.recordings, options.keep) if options.recordings else None,
                engines=options.make_engines(options.settings) if options.make_engines else None,
                shedder=Shedder(options.late),
                name=self._name,
            )
            self._host = await host.__aenter__()
            door = None
            if options.programs:
                door = await self._door.enter_async_context(open_door(host, options.settings, options.limits, front))
        except DuplexError as error:
            return False, error
        return True, door

    async def ping(self) -> bool:
        """Answers at once while the worker's event loop runs."""
        return True

    async def call(self, method: str, *args: Any) -> tuple[bool, Any]:
        """A method of CallHost: (True, what it returns) or (False, the DuplexError it raised)."""
        try:
            if method == "stop":
                await self._door.aclose()
            return True, await getattr(self._started(), method)(*args)
        except DuplexError as error:
            return False, error

    async def news(self, since: dict[str, int]) -> tuple[list[Load], dict[str, News | None]]:
        """since: calls, each with the number of the first event that is wanted. None: the call is unknown. Those that a
        front end did not make, on other wires, are told from their first event on."""
        host = self._started()
        told: dict[str, News | None] = {}
        for call, first in {**dict.fromkeys(host.kept(), 0), **since}.items():
            try:
                told[call] = host.news(call, first)
            except CallError:
                told[call] = None
        return await host.load(), told

    def _started(self) -> InProcessHost:
        if self._host is None:
            raise CallError("the worker has not started", "lost", retry_after=1.0)
        return self._host
