"""Which addresses of an offer are tried: those that its sender can really have.

Every ICE candidate (RFC 8839, section 5.1) makes this machine send packets to an address that the page names. A page
from the internet has no business with loopback, private or link-local addresses here; a page in the same network, or
on this machine, is reached at just these.
"""

from __future__ import annotations

import ipaddress
from enum import IntEnum

Ip = ipaddress.IPv4Address | ipaddress.IPv6Address

_SHARED = ipaddress.ip_network("100.64.0.0/10")  # RFC 6598: behind a provider's NAT, as private as the others
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class Scope(IntEnum):
    """How far an address reaches."""

    NONE = 0
    """Unspecified, multicast, reserved: never an address of anybody."""
    LOOPBACK = 1
    LOCAL = 2
    """Private, link-local, or a name that multicast DNS resolves."""
    GLOBAL = 3


def scope(address: str) -> Scope:
    """Of an IP address or a name. An IPv6 address that carries an IPv4 address has the scope of that one."""
    try:
        ip: Ip = ipaddress.ip_address(address.split("%", 1)[0])
    except ValueError:
        return Scope.LOCAL if address.lower().rstrip(".").endswith(".local") else Scope.NONE
    if isinstance(ip, ipaddress.IPv6Address):
        ip = _carried(ip) or ip
    if ip.is_unspecified or ip.is_multicast:
        return Scope.NONE
    if ip.is_loopback:
        return Scope.LOOPBACK
    if ip.is_private or ip.is_link_local or (ip.version == 4 and ip in _SHARED):
        return Scope.LOCAL
    return Scope.GLOBAL if ip.is_global else Scope.NONE


def reachable_scope(remote: str | None) -> Scope:
    """The nearest scope that a page at `remote` may name: what it can itself have. None: a local socket."""
    if remote is None:
        return Scope.LOOPBACK
    return max(scope(remote), Scope.LOOPBACK)


def without_unreachable(sdp: str, nearest: Scope) -> str:
    """The session description without candidates of a nearer scope than `nearest`, and without malformed ones."""
    lines = sdp.splitlines()
    kept = [line for line in lines if not line.lower().startswith("a=candidate:") or _allowed(line, nearest)]
    return sdp if len(kept) == len(lines) else "\r\n".join(kept) + "\r\n"


def _allowed(line: str, nearest: Scope) -> bool:
    fields = line.split(":", 1)[1].split()
    return len(fields) >= 8 and scope(fields[4]) >= max(nearest, Scope.LOOPBACK)


def _carried(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if ip.ipv4_mapped is not None:
        return ip.ipv4_mapped
    if ip.sixtofour is not None:
        return ip.sixtofour
    if ip.teredo is not None:
        return ip.teredo[1]
    return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF) if ip in _NAT64 else None
