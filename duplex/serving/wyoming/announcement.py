"""Telling Home Assistant in the local network that a Wyoming server is here, by multicast DNS (RFC 6762, 6763)."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from typing import Any

from duplex.streaming.errors import SettingsError, TransportError

try:
    from ifaddr import get_adapters
    from zeroconf import DNSQuestionType, NonUniqueNameException
    from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf
except ImportError as error:
    raise TransportError(f"announcing Wyoming needs a package ({error}): pip install 'duplex[wyoming]'") from None

SERVICE = "_wyoming._tcp.local."
"""What Home Assistant looks for."""

_ANY = ("0.0.0.0", "::", "")
_ANSWERED = 2_000
"""Milliseconds within which whoever has the name answers: an answer is given once a second at most (RFC 6762, 6)."""


class Announcement:
    """Announces a port while it is entered. host: the address that is listened on. name: what people see; by default
    that of this machine. interfaces: addresses of those on which it is announced, by default all.

    Raises SettingsError if the name is taken, or the network cannot be used.
    """

    def __init__(self, host: str, port: int, name: str = "", interfaces: Sequence[str] | None = None) -> None:
        machine = socket.gethostname().partition(".")[0] or "duplex"
        self.name = name or f"Duplex on {machine}"
        self._interfaces = list(interfaces) if interfaces else None
        self._info = AsyncServiceInfo(
            SERVICE,
            f"{self.name}.{SERVICE}",
            port=port,
            parsed_addresses=_own_addresses() if host in _ANY else [host],
            server=f"{machine}.local.",
        )

    async def __aenter__(self) -> Announcement:
        try:
            self._zeroconf = AsyncZeroconf(**({"interfaces": self._interfaces} if self._interfaces else {}))
        except OSError as error:
            raise SettingsError(f"Wyoming cannot be announced ({error.strerror or error})") from None
        try:
            # Registering asks, too, but for an answer by unicast, which of two servers on one machine only one gets.
            asked = AsyncServiceInfo(SERVICE, self._info.name)
            if await asked.async_request(self._zeroconf.zeroconf, _ANSWERED, DNSQuestionType.QM):
                raise NonUniqueNameException
            await (await self._zeroconf.async_register_service(self._info))
        except BaseException as error:
            await self._zeroconf.async_close()
            if isinstance(error, NonUniqueNameException):
                raise SettingsError(f"Wyoming is announced as {self.name!r} by another server already") from None
            if isinstance(error, OSError):
                raise SettingsError(f"Wyoming cannot be announced ({error.strerror or error})") from None
            raise
        return self

    async def __aexit__(self, *error: Any) -> None:
        await (await self._zeroconf.async_unregister_service(self._info))
        await self._zeroconf.async_close()


def _own_addresses() -> list[str]:
    """Of this machine, IPv4, besides those that only it reaches."""
    found = [str(each.ip) for adapter in get_adapters() for each in adapter.ips if each.is_IPv4]
    return [address for address in found if not address.startswith("127.")]
