"""Connecting to a Ray cluster, or to a new one on this machine, with errors that say what is wrong."""

from __future__ import annotations

import os
import socket
from typing import Any

from duplex.streaming.errors import EndpointError, ModelError, SettingsError

_PATIENCE = 5.0
"""Seconds in which a head node must answer."""


def connect(address: str | None) -> tuple[Any, bool]:
    """(the package, whether it was connected here, and so is to be shut down here).

    address: of a running cluster; None for the one that RAY_ADDRESS names, else a new one on this machine. Raises
    ModelError without `ray`, EndpointError without a cluster, SettingsError on what is no address.
    """
    if address is not None:
        _check_address(address)
    try:
        import ray
    except ImportError:
        raise ModelError("cluster: Ray is not installed; install duplex[cluster]") from None
    if ray.is_initialized():
        return ray, False
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    new = {} if address not in (None, "local") or os.environ.get("RAY_ADDRESS") else {"include_dashboard": False}
    try:
        ray.init(address=address, log_to_driver=False, logging_level="ERROR", **new)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise EndpointError(f"cluster: {address or 'a local one'} cannot be reached: {reason}") from error
    return ray, True


def _check_address(address: str) -> None:
    """Ray itself waits five minutes for a node that is not there. Raises EndpointError, SettingsError."""
    if address in ("auto", "local"):
        return
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit() or "//" in host:
        raise SettingsError(f"cluster: {address!r} is not the address of a head node, such as 10.0.0.5:6379")
    try:
        socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
    except OSError as error:
        raise EndpointError(f"cluster: {address} cannot be reached ({error.strerror or error})") from error
