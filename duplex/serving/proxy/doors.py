"""Requests to the workers of a cluster: each serves programs at a door that only its front end can open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import aiohttp
from aiohttp import web

from duplex.serving.hosts.contract import Door
from duplex.serving.http.api_errors import ApiError
from duplex.streaming.errors import CallError

PASSED = ("Content-Type", "Location", "Retry-After", "X-Duplex-Ignored")
"""Headers of a worker's answer that its client is told."""

CONNECTING = 5.0
"""Seconds in which a worker must take a connection."""


class Doors:
    """Connections to workers, kept for the next request. Made when the first is asked for, in the loop that asks."""

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    @property
    def http(self) -> aiohttp.ClientSession:
        if self._session is None:
            # No time limit of its own: a worker ends what takes too long, as without a cluster.
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECTING)
            connector = aiohttp.TCPConnector(limit=0)
            self._session = aiohttp.ClientSession(timeout=timeout, connector=connector, auto_decompress=False)
        return self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, door: Door, path: str, *, key: str = "", **more: Any) -> web.Response:
        """A short request and its answer. Raises CallError if the worker is gone."""
        try:
            async with self.http.post(door.url + path, headers=opened(door, key), **more) as answer:
                return web.Response(status=answer.status, body=await answer.read(), headers=passed(answer.headers))
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            raise lost() from None

    async def session_key(self, door: Door, session: object) -> str:
        """A key of the worker's own for sessions that begin as `session` says. Raises CallError, ApiError."""
        body = {"session": session, "expires_after": {"anchor": "created_at", "seconds": 10}}
        try:
            async with self.http.post(
                f"{door.url}/v1/realtime/client_secrets", json=body, headers=opened(door)
            ) as made:
                told = await made.json()
        except (aiohttp.ClientError, ConnectionError, TimeoutError, ValueError):
            raise lost() from None
        if made.status != 200:
            raise ApiError(str(told.get("error", {}).get("message", "the key is no longer good")), status=made.status)
        return str(told["value"])


def opened(door: Door, key: str = "") -> dict[str, str]:
    """key: for sessions of one configuration; else the door's own."""
    return {"Authorization": f"Bearer {key or door.token}"}


def passed(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: headers[name] for name in PASSED if name in headers}


def lost() -> CallError:
    return CallError("the worker that should have answered is gone: try again", "lost", retry_after=1.0)
