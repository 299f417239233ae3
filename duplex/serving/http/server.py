"""The HTTP front end as a running server: sockets, TLS, a limit of connections, and a graceful end."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from duplex.serving.hosts.contract import CallHost, DoorHost, PlaceHost
from duplex.serving.hosts.ice_servers import IceServers
from duplex.serving.http.auth import Gate
from duplex.serving.http.limits import Limits
from duplex.serving.http.pages import File, read_page
from duplex.streaming.errors import SettingsError, TransportError

try:
    from aiohttp import web

    from duplex.serving.http.metrics import Metrics
    from duplex.serving.http.more_routes import MoreRoutes
    from duplex.serving.http.signalling import Signalling
    from duplex.serving.proxy.realtime import RealtimeProxy
    from duplex.serving.realtime.endpoint import RealtimeEndpoint
except ImportError as error:
    raise TransportError(f"serving calls needs aiohttp ({error}): pip install 'duplex[call]'") from None

log = logging.getLogger(__name__)

LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to listen. port: 0 for any that is free. tls: None for plain HTTP."""

    host: str = "127.0.0.1"
    port: int = 8080
    tls: ssl.SSLContext | None = None

    @property
    def loopback(self) -> bool:
        return self.host in LOOPBACK


class Server:
    """Serves a host's calls while it is entered.

        async with Server(host, gate, address) as server:
            print(server.url("token"))
            await server.drained()      # after `drain`

    private_candidates, more: see Signalling. realtime: serve the OpenAI Realtime API, where the host can. Raises
    SettingsError if the address cannot be listened on.
    """

    def __init__(
        self,
        host: CallHost,
        gate: Gate,
        address: Address | None = None,
        *,
        limits: Limits | None = None,
        ice_servers: IceServers = lambda call: (),
        page: dict[str, File] | None = None,
        private_candidates: bool = False,
        more: Sequence[MoreRoutes] = (),
        realtime: bool = True,
    ) -> None:
        self.address = address or Address()
        self.limits = limits or Limits()
        self.port = self.address.port
        self.metrics = Metrics()
        self._host = host
        self._realtime: RealtimeEndpoint | RealtimeProxy | None = None
        if realtime and isinstance(host, PlaceHost):
            self._realtime = RealtimeEndpoint(host, self.limits, private_candidates=private_candidates)
        elif realtime and isinstance(host, DoorHost):
            self._realtime = RealtimeProxy(host, self.limits, private_candidates=private_candidates)
        routes = [*more, *([] if self._realtime is None else [self._realtime])]
        gate.lend({path: knows for each in routes for path, knows in each.keys.items()})
        self._signalling = Signalling(
            host,
            gate,
            self.limits,
            self.metrics,
            read_page() if page is None else page,
            ice_servers,
            private_candidates=private_candidates,
            more=routes,
        )
        self._over = asyncio.Event()
        self._draining: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Server:
        limits = self.limits
        self._runner = web.AppRunner(
            self._signalling.application(),
            access_log=None,  # its lines would have the ids of calls in them
            keepalive_timeout=limits.request,  # also what a connection has for its first request to be there
            lingering_time=1.0,
            shutdown_timeout=2.0,
        )
        await self._runner.setup()
        web_server = self._runner.server
        assert web_server is not None

        def protocol() -> asyncio.BaseProtocol:
            if len(web_server.connections) >= limits.connections:
                self.metrics.refused.labels("connections").inc()
                return _Refusal()
            made: asyncio.BaseProtocol = web_server()
            return made

        try:
            self._listening = await asyncio.get_running_loop().create_server(
                protocol, self.address.host, self.address.port, ssl=self.address.tls, backlog=128
            )
        except OSError as error:
            await self._runner.cleanup()
            raise SettingsError(
                f"{self.address.host}:{self.address.port}: cannot be listened on ({error.strerror or error}); "
                f"choose another with --port"
            ) from None
        self.port = self._listening.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._listening.close()
        if self._realtime is not None:
            await self._realtime.close()
        await self._runner.cleanup()
        if self._draining is not None:
            self._draining.cancel()
            await asyncio.wait([self._draining])

    def url(self, token: str = "") -> str:
        """The page's address. The token is in its fragment, which browsers keep to themselves."""
        scheme = "https" if self.address.tls else "http"
        name = "localhost" if self.address.host in ("0.0.0.0", "::", "") else self.address.host
        name = f"[{name}]" if ":" in name else name
        return f"{scheme}://{name}:{self.port}/" + (f"#token={quote(token, safe='')}" if token else "")

    def drain(self) -> None:
        """Take no new calls, and end when the last one has. Called again: end at once."""
        if self._draining is not None:
            self._over.set()
            return
        self._signalling.draining = True
        log.warning("draining: no new calls; %g s for those that there are", self.limits.drain)
        self._draining = asyncio.create_task(self._drain())

    async def drained(self) -> None:
        """Returns when the server may be left."""
        await self._over.wait()

    async def _drain(self) -> None:
        try:
            await self._host.drain(self.limits.drain)
        finally:
            self._over.set()


class _Refusal(asyncio.Protocol):
    """One connection too many: ended before anything is read."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


def tls_context(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    """From PEM files. Raises SettingsError."""
    if not certificate:
        if key:
            raise SettingsError("TLS: there is a key (--tls-key) but no certificate (--tls-cert)")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise SettingsError(f"TLS: {certificate} cannot be used ({error.strerror or error})") from None
    return context
