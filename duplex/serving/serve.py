"""Calls in the browser, from Python: what `duplex serve` does by default, as a context manager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from duplex.settings import Settings
from duplex.streaming.errors import SettingsError

if TYPE_CHECKING:
    from duplex.engines import Engines
    from duplex.serving.http.server import Address, Server


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that listens. url: the page's address, with the token in its fragment. wyoming: the address of the
    Wyoming server; empty if there is none."""

    url: str
    server: Server
    wyoming: str = ""

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
    wyoming: bool | str = False,
    wyoming_announce: str | None = None,
) -> AsyncIterator[Serving]:
    """Serve the page and its calls while the context is open; nothing is recorded.

        async with duplex.serve(duplex.Settings(), port=8080) as serving:
            print(serving.url)
            await serving.drained()

    port: 0 for any that is free. token: what callers must know; a new one if not given. origins: of further
    pages that may use this server, such as https://calls.example. engines: instead of those that
    the settings name. audio_routes: whether programs may use the audio routes of the OpenAI API, with the token as
    their key; realtime: the same of its Realtime API. wyoming: whether Home Assistant may use it as well (extra
    `wyoming`), at tcp://127.0.0.1:10300 or an address of this form; it has no passwords. wyoming_announce: the name
    under which that is announced in the local network; empty: the computer's. Browsers give their microphone to
    localhost and https pages only.
    Raises SettingsError if an address cannot be listened on, TransportError if the extra `call` is not installed,
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
    listening = _wyoming_address(wyoming, wyoming_announce)
    async with AsyncExitStack() as stack:
        calls = await stack.enter_async_context(
            InProcessHost(settings, lambda _: WebRtcPeer(clock), clock=clock, engines=engines)
        )
        more = []
        if audio_routes or listening is not None:
            steps = calls.share("programs")
            service = await stack.enter_async_context(AudioService(calls, settings, steps, calls=calls.engines))
        if audio_routes:
            more.append(await stack.enter_async_context(AudioRoutes(service)))
        server = await stack.enter_async_context(Server(calls, gate, Address(host, port), more=more, realtime=realtime))
        told = ""
        if listening is not None:
            from duplex.serving.wyoming.server import WyomingServer

            beside = await stack.enter_async_context(WyomingServer(service, listening, server.metrics))
            told = f"tcp://{listening.host}:{beside.port}"
            if wyoming_announce is not None:
                from duplex.serving.wyoming.announcement import Announcement

                await stack.enter_async_context(Announcement(listening.host, beside.port, wyoming_announce))
        yield Serving(server.url(token), server, told)


def _wyoming_address(wyoming: bool | str, announce: str | None) -> Address | None:
    """None if nothing is to be served there. Raises SettingsError."""
    if not wyoming:
        if announce is not None:
            raise SettingsError("wyoming_announce: is for wyoming")
        return None
    from duplex.serving.wyoming.server import listening_address

    return listening_address(wyoming, announce)
