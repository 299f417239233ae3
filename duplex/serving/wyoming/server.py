"""Wyoming as a running server beside that of the page: a socket, a limit of connections, and their end.

The protocol has no passwords and no encryption: it is for networks whose every machine may use the voices.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any
from urllib.parse import urlsplit

from duplex.serving.audio.service import AudioService
from duplex.serving.http.metrics import Metrics
from duplex.serving.http.server import Address
from duplex.streaming.errors import SettingsError, TransportError

try:
    from wyoming.error import Error

    from duplex.serving.wyoming.connection import Connection
    from duplex.serving.wyoming.programs import Programs
    from duplex.serving.wyoming.wire import EventStream, WyomingLimits
except ImportError as error:
    raise TransportError(f"Wyoming needs a package ({error}): pip install 'duplex[wyoming]'") from None

log = logging.getLogger(__name__)

_GOODBYE = 1.0
"""Seconds for a client to take its leave."""
_PIECE = 1 << 16

DEFAULT = "tcp://127.0.0.1:10300"


def parse_address(address: str) -> Address:
    """tcp://HOST:PORT; port 0: any that is free. Raises SettingsError."""
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host is None or port is None or parts.scheme != "tcp" or parts.path not in ("", "/"):
        raise SettingsError(f"--wyoming: must be tcp://HOST:PORT, such as {DEFAULT}, not {address!r}")
    return Address(host, port)


def listening_address(wyoming: bool | str, announce: str | None) -> Address:
    """wyoming: an address, or True for DEFAULT. announce: the name that other machines shall find, if any. Raises
    SettingsError, TransportError."""
    address = parse_address(DEFAULT if wyoming is True else str(wyoming))
    if announce is not None:
        from duplex.serving.wyoming import announcement  # noqa: F401  (says what to install before anything starts)

        if address.loopback:
            raise SettingsError("--wyoming-announce: no other machine reaches the address that --wyoming names")
    return address


class WyomingServer:
    """Serves Wyoming clients while it is entered; `port` is then the one it listens on.

    Raises SettingsError if the address cannot be listened on, and what loading the engines raises.
    """

    def __init__(
        self,
        service: AudioService,
        address: Address,
        metrics: Metrics,
        limits: WyomingLimits | None = None,
    ) -> None:
        self.address = address
        self.port = address.port
        self._service = service
        self._metrics = metrics
        self._limits = limits or WyomingLimits()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> WyomingServer:
        engines = self._service.engines
        await engines.live_recognizer()  # clients wait a second for the first answer, and not for a model
        await engines.vad()
        self._programs = Programs(self._service.settings, await engines.synthesizer())
        where = self.address
        try:
            self._listening = await asyncio.start_server(
                self._serve, where.host, where.port, limit=self._limits.header, backlog=128
            )
        except OSError as error:
            raise SettingsError(
                f"--wyoming: {where.host}:{where.port}: cannot be listened on ({error.strerror or error})"
            ) from None
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._listening.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._converse(EventStream(reader, writer, self._limits), _remote(writer))
            await _leave(reader, writer)
        except ConnectionError:
            writer.transport.abort()
        except asyncio.CancelledError:  # the server ends, and nobody waits for this task but the server
            writer.transport.abort()
        except Exception as error:
            log.error("wyoming: a connection failed", exc_info=error)
            writer.transport.abort()
        finally:
            self._tasks.discard(task)

    async def _converse(self, stream: EventStream, remote: str) -> None:
        if len(self._tasks) > self._limits.connections:
            self._metrics.refused.labels("wyoming connections").inc()
            await stream.write(Error("too many connections: try again soon", "busy").event())
            return
        await Connection(self._service, self._programs, stream, self._limits, self._metrics, remote).serve()


async def _leave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes in what a client still sends: closed before, its system might drop the last thing that it was told."""
    try:
        async with asyncio.timeout(_GOODBYE):
            writer.write_eof()
            while await reader.read(_PIECE):
                pass
    except TimeoutError:
        pass
    writer.close()


def _remote(writer: asyncio.StreamWriter) -> str:
    peer = writer.get_extra_info("peername")
    return str(peer[0]) if peer else ""
