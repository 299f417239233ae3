"""Calls in the browser, from Python: what `duplex serve` does by default, as a context manager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duplex.settings import Settings

if TYPE_CHECKING:
    from duplex.engines import Engines
    from duplex.serving.http.server import Server


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that listens. url: the page's address, with the token in its fragment."""

    url: str
    server: Server

    def drain(self) -> None:
        """Take no new calls; `drained` returns when the last one is over, after half a minute at most."""
        self.server.drain()

    async def drained(self) -> None:
        await self.server.drained()


@asynccontextmanager
async def serve(
    settings: Settings | None = None,
    *,
    host: str = "127.0.0.1",
    port: int = 8080,
    token: str | None = None,
    origins: Sequence[str] = (),
    engines: Engines | None = None,
    audio_routes: bool = True,
    realtime: bool = True,
) -> AsyncIterator[Serving]:
    """Serve the page and its calls while the context is open; nothing is recorded.

        async with duplex.serve(duplex.Settings(), port=8080) as serving:
            print(serving.url)
            await serving.drained()

    port: 0 for any that is free. token: what callers must know; a new one if not given. origins: of further
    pages that may use this server, such as https://calls.example. engines: instead of those that
    the settings name. audio_routes: whether programs may use the audio routes of the OpenAI API, with the token as
    their key; realtime: the same of its Realtime API. Browsers give their microphone to localhost and https pages only.
    Raises SettingsError if the address cannot be listened on, TransportError if the extra `call` is not installed,
    ModelError.
    """
    from duplex.serving.audio.routes import AudioRoutes
    from duplex.serving.audio.service import AudioService
    from duplex.serving.hosts.in_process_host import InProcessHost
    from duplex.serving.http.auth import Gate, new_token
    from duplex.serving.http.server import Address, Server
    from duplex.streaming.clock import SystemClock
    from duplex.transport.webrtc import WebRtcPeer

    token = token or new_token()
    gate, clock = Gate(token, origins), SystemClock()
    settings = settings or Settings()
    async with AsyncExitStack() as stack:
        calls = await stack.enter_async_context(
            InProcessHost(settings, lambda _: WebRtcPeer(clock), clock=clock, engines=engines)
        )
        more = []
        if audio_routes:
            steps = calls.share("audio routes")
            service = await stack.enter_async_context(AudioService(calls, settings, steps, calls=calls.engines))
            more.append(await stack.enter_async_context(AudioRoutes(service)))
        server = await stack.enter_async_context(Server(calls, gate, Address(host, port), more=more, realtime=realtime))
        yield Serving(server.url(token), server)
