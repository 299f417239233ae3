"""`duplex serve`: a page on which people talk with Duplex, and with each other."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
from pathlib import Path
from typing import Any

from duplex.commands.options import add_settings, load_settings
from duplex.models.user_data import user_data
from duplex.settings import AUTO, OFF
from duplex.streaming.errors import SettingsError


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "serve",
        parents=[common],
        help="calls in the browser",
        description="Serves a page on which one talks with Duplex, alone or several in a room. Only those who know the "
        "address with its token get in. Browsers give their microphone to https pages and to localhost only.",
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: this machine only)")
    parser.add_argument("--port", type=int, default=8080, help="port to listen on; 0: any that is free (default: 8080)")
    parser.add_argument("--token", help="what callers must know (default: a new one, printed with the address)")
    parser.add_argument(
        "--origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="a further origin of pages that may use this server, such as https://calls.example behind a proxy",
    )
    parser.add_argument("--tls-cert", metavar="FILE", help="serve https with this certificate chain (PEM)")
    parser.add_argument("--tls-key", metavar="FILE", help="its key, if it is in a file of its own")
    parser.add_argument(
        "--no-audio-routes",
        action="store_true",
        help="do not serve /v1/audio/transcriptions, translations and speech, the audio routes of the OpenAI API",
    )
    parser.add_argument(
        "--no-realtime", action="store_true", help="do not serve the OpenAI Realtime API (WebSocket, /v1/realtime)"
    )
    wyoming = parser.add_argument_group("Home Assistant", "extra wyoming")
    wyoming.add_argument(
        "--wyoming",
        nargs="?",
        const=True,
        metavar="ADDRESS",
        help="serve speech to text and text to speech over Wyoming too, such as tcp://0.0.0.0:10300 (without ADDRESS: "
        "port 10300, this machine only). It has no passwords",
    )
    wyoming.add_argument(
        "--wyoming-announce",
        nargs="?",
        const="",
        metavar="NAME",
        help="announce it in the local network, so that Home Assistant finds it",
    )
    limits = parser.add_argument_group("limits")
    limits.add_argument(
        "--max-calls", type=int, default=16, metavar="N", help="people at once, in each process (default: 16)"
    )
    limits.add_argument("--room-size", type=int, default=4, metavar="N", help="people in one room (default: 4)")
    limits.add_argument(
        "--idle-limit", type=float, default=900.0, metavar="SECONDS", help="end silent calls (default: 900)"
    )
    limits.add_argument(
        "--call-limit", type=float, default=14_400.0, metavar="SECONDS", help="end any call (default: 14400)"
    )
    limits.add_argument(
        "--drain", type=float, default=30.0, metavar="SECONDS", help="time for calls after SIGTERM (default: 30)"
    )
    ice = parser.add_argument_group("crossing firewalls")
    ice.add_argument("--stun", action="append", default=[], metavar="URL", help="such as stun:stun.example:3478")
    ice.add_argument("--turn", action="append", default=[], metavar="URL", help="such as turn:turn.example:3478")
    ice.add_argument(
        "--turn-secret-file", metavar="FILE", help="what the TURN server shares with us (coturn: static-auth-secret)"
    )
    ice.add_argument(
        "--allow-private-candidates",
        action="store_true",
        help="try private addresses that a page from the internet names (default: only those of pages in this network)",
    )
    cluster = parser.add_argument_group("more than one machine")
    cluster.add_argument(
        "--cluster",
        nargs="?",
        const="",
        metavar="ADDRESS",
        help="spread calls over a Ray cluster: of ADDRESS, that RAY_ADDRESS names, or a new one on this machine",
    )
    cluster.add_argument("--workers", type=int, metavar="N", help="worker processes (default: one for each CPU)")
    recordings = parser.add_argument_group("recordings", "made only with the consent of everybody in a call")
    recordings.add_argument("--recordings", metavar="DIR", help="where to keep them (default: with the user's data)")
    recordings.add_argument("--no-recordings", action="store_true", help="offer none")
    recordings.add_argument(
        "--keep", type=float, default=24.0, metavar="HOURS", help="delete them after this time (default: 24)"
    )
    add_settings(parser)
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.transport.webrtc import WebRtcPeer  # noqa: F401, I001  (says what to install before anything starts)
    from duplex.serving.http.server import Server  # noqa: F401

    _check(args)
    try:
        asyncio.run(_serve(args))
    except KeyboardInterrupt:
        return 0
    return 0


async def _serve(args: argparse.Namespace) -> None:
    import time

    from rich.console import Console

    from duplex.serving.audio.routes import AudioRoutes
    from duplex.serving.audio.service import AudioService
    from duplex.serving.hosts.cluster import ClusterHost
    from duplex.serving.hosts.ice_servers import SharedSecretIceServers, read_secret
    from duplex.serving.hosts.in_process_host import InProcessHost
    from duplex.serving.hosts.retention import Recordings
    from duplex.serving.hosts.worker import WorkerOptions
    from duplex.serving.http.auth import Gate, new_token
    from duplex.serving.http.limits import Limits
    from duplex.serving.http.server import Address, Server, tls_context
    from duplex.serving.proxy.audio import AudioProxy
    from duplex.streaming.clock import SystemClock
    from duplex.streaming.pool import InferencePool
    from duplex.transport.webrtc import WebRtcPeer

    ending = _Ending()
    console = Console(soft_wrap=True, highlight=False)
    settings = load_settings(args)
    if settings.memory not in (AUTO, OFF):
        raise SettingsError("memory: a file of notes is for one person; a server's callers are several")
    limits = Limits(
        calls=args.max_calls, seats=args.room_size, idle=args.idle_limit, longest=args.call_limit, drain=args.drain
    )
    token = args.token or new_token()
    gate = Gate(token, args.origin)
    address = Address(args.host, args.port, tls_context(args.tls_cert, args.tls_key))
    secret = read_secret(args.turn_secret_file) if args.turn_secret_file else ""
    ice_servers = SharedSecretIceServers(args.stun, args.turn, secret, args.call_limit, wall_time=time.time)
    folder, keep = "" if args.no_recordings else str(_recordings(args.recordings)), args.keep * 3600
    clock = SystemClock()
    calls: InProcessHost | ClusterHost
    if args.cluster is None:
        recordings = Recordings(folder, keep) if folder else None
        calls = InProcessHost(
            settings,
            lambda call: WebRtcPeer(clock, ice_servers=ice_servers(call)),
            clock=clock,
            limits=limits,
            recordings=recordings,
        )
    else:
        options = WorkerOptions(settings, limits, folder, keep, args.stun, args.turn, secret)
        calls = ClusterHost(options, clock=clock, address=args.cluster or None, workers=args.workers)
    async with ending, calls as host, contextlib.AsyncExitStack() as stack:
        more = []
        local = isinstance(host, InProcessHost)
        if args.wyoming or (local and not args.no_audio_routes):
            own = InferencePool(settings.workers)  # of a cluster, the front end has no share
            stack.push_async_callback(own.aclose)
            steps = host.share("programs") if isinstance(host, InProcessHost) else own
            shared = host.engines if isinstance(host, InProcessHost) else None
            service = await stack.enter_async_context(AudioService(host, settings, steps, calls=shared))
        if not args.no_audio_routes:
            routes = AudioProxy(host) if isinstance(host, ClusterHost) else AudioRoutes(service)
            more.append(await stack.enter_async_context(routes))
        server = Server(
            host,
            gate,
            address,
            limits=limits,
            ice_servers=ice_servers,
            private_candidates=args.allow_private_candidates,
            more=more,
            realtime=not args.no_realtime,
        )
        async with server, contextlib.AsyncExitStack() as beside:
            if args.wyoming:
                await _serve_wyoming(args, console, service, server, beside)
            ending.server = server
            _say_where(console, server, token, address)
            await server.drained()


async def _serve_wyoming(args: argparse.Namespace, console: Any, service: Any, server: Any, stack: Any) -> None:
    from duplex.serving.wyoming.server import WyomingServer

    host = args.wyoming.host
    listening = await stack.enter_async_context(WyomingServer(service, args.wyoming, server.metrics))
    console.print(f"Home Assistant's Wyoming is served at tcp://{host}:{listening.port}")
    if not args.wyoming.loopback:
        console.print("[yellow]It has no passwords: whoever reaches this port may be heard and have texts spoken.[/]")
    if args.wyoming_announce is not None:
        from duplex.serving.wyoming.announcement import Announcement

        told = await stack.enter_async_context(Announcement(host, listening.port, args.wyoming_announce))
        console.print(f"It is announced in the local network as {told.name!r}.")


def _say_where(console: Any, server: Any, token: str, address: Any) -> None:
    console.print(f"Duplex listens at [bold]{server.url(token)}[/]")
    if not address.loopback and address.tls is None:
        console.print(
            "[yellow]Browsers give their microphone to https pages only: name a certificate with --tls-cert, "
            "or put a proxy with one in front.[/]"
        )
    console.print("Ctrl-C ends it; calls then have a little time to end.")


class _Ending:
    """SIGINT and SIGTERM: the first drains the server, the second ends it at once. Before there is a server, either
    stops the start, and what was opened is closed. An async context manager."""

    def __init__(self) -> None:
        self.server: Any = None
        self._main = asyncio.current_task()
        self._stopped = False
        for number in (signal.SIGTERM, signal.SIGINT):
            try:
                asyncio.get_running_loop().add_signal_handler(number, self._end)
            except NotImplementedError:  # Windows: Ctrl-C ends it at once
                return

    async def __aenter__(self) -> None:
        pass

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> bool:
        return self._stopped and isinstance(error, asyncio.CancelledError)

    def _end(self) -> None:
        if self.server is not None:
            self.server.drain()
        elif self._main is not None:
            self._stopped = True
            self._main.cancel()


def _recordings(given: str | None) -> Path:
    if given:
        return Path(given)
    return user_data("recordings")


def _check(args: argparse.Namespace) -> None:
    bounds = (("port", 0, 65_535), ("max_calls", 1, 10_000), ("room_size", 2, 64), ("workers", 1, 10_000))
    for name, low, high in bounds:
        value = getattr(args, name)
        if value is not None and not low <= value <= high:
            raise SettingsError(f"--{name.replace('_', '-')}: must lie between {low} and {high}, not {value}")
    for name in ("idle_limit", "call_limit", "keep"):
        if not 0 < getattr(args, name) < float("inf"):
            raise SettingsError(f"--{name.replace('_', '-')}: must be more than 0, not {getattr(args, name):g}")
    if args.wyoming_announce is not None and not args.wyoming:
        raise SettingsError("--wyoming-announce: is for --wyoming")
    if args.wyoming:
        from duplex.serving.wyoming.server import listening_address

        args.wyoming = listening_address(args.wyoming, args.wyoming_announce)
    if args.workers is not None and args.cluster is None:
        raise SettingsError("--workers: is for --cluster")
    if not 0 <= args.drain <= 3600:
        raise SettingsError(f"--drain: must lie between 0 and 3600 seconds, not {args.drain:g}")
