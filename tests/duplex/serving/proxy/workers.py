"""A front end over workers in this process, each behind a relay that a test can cut."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import aiohttp

from duplex.engines import Engines
from duplex.serving.hosts.contract import Door, Load
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.hosts.worker_door import open_door
from duplex.serving.http.auth import Gate
from duplex.serving.http.limits import Limits
from duplex.serving.http.server import Address, Server
from duplex.serving.proxy.audio import AudioProxy
from duplex.settings import Settings
from duplex.streaming.clock import SystemClock
from duplex.transport.webrtc import WebRtcPeer
from tests.duplex.serving.realtime.client import Client

TOKEN = "a token for tests"
SETTINGS = Settings(recognizer="scripted")
"""Programs share the recognizer of the calls, as with any engine that does not hear whole recordings otherwise."""
KEY = {"Authorization": f"Bearer {TOKEN}"}


class Relay:
    """TCP to a worker, until it is cut as if the worker had died."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._writers: list[asyncio.StreamWriter] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def listen(self) -> int:
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, to = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers += [writer, to]
        self._tasks += [asyncio.create_task(_copy(reader, to)), asyncio.create_task(_copy(theirs, writer))]

    async def cut(self) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(1 << 16):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    writer.close()


class Workers:
    """A DoorHost. `turn`: the worker that the next call is given to."""

    def __init__(self) -> None:
        self.hosts: list[InProcessHost] = []
        self.relays: list[Relay] = []
        self.turn = 0
        self._doors: list[Door] = []

    async def add(self, stack: AsyncExitStack, made: Engines, limits: Limits) -> None:
        clock = SystemClock()
        host = InProcessHost(
            SETTINGS,
            lambda call: WebRtcPeer(clock),
            clock=clock,
            engines=made,
            limits=limits,
            shedder=Shedder(late=1e9),
            name=f"worker {len(self.hosts)}",
        )
        await stack.enter_async_context(host)
        door = await stack.enter_async_context(open_door(host, SETTINGS, limits))
        relay = Relay(int(door.url.rpartition(":")[2]))
        stack.push_async_callback(relay.cut)
        self.hosts.append(host)
        self.relays.append(relay)
        self._doors.append(replace(door, url=f"http://127.0.0.1:{await relay.listen()}"))

    def voices(self) -> frozenset[str]:
        return self._doors[0].voices

    def doors(self) -> list[Door]:
        return self._doors

    @contextmanager
    def door(self, *, call: bool = False) -> Iterator[Door]:
        yield self._doors[self.turn]

    async def load(self) -> list[Load]:
        return [load for host in self.hosts for load in await host.load()]


class Front:
    def __init__(self, workers: Workers, server: Server, http: aiohttp.ClientSession) -> None:
        self.workers, self.server, self.http = workers, server, http

    @property
    def base(self) -> str:
        return f"{self.server.url()}v1/"

    @asynccontextmanager
    async def connected(self, key: str = TOKEN, query: str = "") -> AsyncIterator[Client]:
        headers = {"Authorization": f"Bearer {key}"}
        async with self.http.ws_connect(f"{self.base}realtime{query}", headers=headers) as socket:
            client = Client(socket)
            await client.until("session.created")
            yield client


@asynccontextmanager
async def front(*made: Engines, limits: Limits | None = None) -> AsyncIterator[Front]:
    """A worker for each of these engines."""
    limits = limits or Limits()
    async with AsyncExitStack() as stack:
        workers: Any = Workers()
        for each in made:
            await workers.add(stack, each, limits)
        audio = await stack.enter_async_context(AudioProxy(workers))
        server = Server(workers, Gate(TOKEN), Address(port=0), page={}, more=[audio], private_candidates=True)
        await stack.enter_async_context(server)
        yield Front(workers, server, await stack.enter_async_context(aiohttp.ClientSession()))
