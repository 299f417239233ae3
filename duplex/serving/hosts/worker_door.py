"""The door of a worker: what a server without a cluster serves to programs, for the front end alone, with its own key.

On the front end's machine it listens on the loopback interface, else on the address by which the cluster knows the
machine.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from duplex.serving.audio.limits import AudioLimits
from duplex.serving.hosts.contract import Door
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.http.auth import Gate, new_token
from duplex.serving.http.limits import Limits
from duplex.settings import Settings

_ANY = 1e9
"""Requests of one remote address a second: all come from the front end, which counts those of its own clients."""


@asynccontextmanager
async def open_door(host: InProcessHost, settings: Settings, limits: Limits, front: str = "") -> AsyncIterator[Door]:
    """front: the address of the front end's machine; empty: this one. Raises SettingsError, TransportError."""
    from duplex.serving.audio.routes import AudioRoutes
    from duplex.serving.audio.service import AudioService
    from duplex.serving.http.server import Address, Server

    token, address = new_token(), _address(front)
    service = AudioService(host, settings, host.share("programs"), limits=AudioLimits(rate=_ANY), calls=host.engines)
    async with (
        service,
        AudioRoutes(service) as routes,
        # The front end has left out of an offer what cannot be reached.
        Server(
            host, Gate(token), Address(address, 0), limits=limits, page={}, more=[routes], private_candidates=True
        ) as server,
    ):
        yield Door(server.url().rstrip("/"), token, host.voices())


def _address(front: str) -> str:
    if not front:
        return "127.0.0.1"
    from ray.util import get_node_ip_address

    here: str = get_node_ip_address()
    return "127.0.0.1" if here == front else here
