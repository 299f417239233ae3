"""Events on their way to a client, and the errors that the API has for what cannot be done."""

from __future__ import annotations

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

UNREAD = 2000
"""Events that a client may have unread, about a minute of speech; then the connection is closed."""


class ClientError(Exception):
    """What a client asked cannot be done; the session goes on. code, param: as the API's `error` event has them."""

    def __init__(self, message: str, code: str, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param

    def as_dict(self, event_id: object) -> dict[str, Any]:
        """event_id: of the client's event, if it had one."""
        return {
            "type": "invalid_request_error",
            "code": self.code,
            "message": " ".join(str(self).split())[:500],
            "param": self.param,
            "event_id": event_id if isinstance(event_id, str) else None,
        }


def unsupported(what: str, param: str, why: str) -> ClientError:
    return ClientError(f"{what} is not supported by this server: {why}", "unsupported", param)


def number_of(value: object, param: str, low: float, high: float) -> float:
    """Raises ClientError."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ClientError(f"{param}: must be a number from {low:g} to {high:g}", "invalid_value", param)
    return value


def flag_of(value: object, param: str) -> bool:
    """Raises ClientError."""
    if not isinstance(value, bool):
        raise ClientError(f"{param}: must be true or false", "invalid_type", param)
    return value


def object_of(value: object, param: str, names: Iterable[str] = ()) -> dict[str, Any]:
    """{} if there is none. Raises ClientError on what is no object, or has other fields than `names`, if any."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise ClientError(f"{param}: must be an object", "invalid_type", param)
    for name in value:
        if names and name not in names:
            raise ClientError(f"{param} has no field {name[:100]!r}", "unknown_parameter", f"{param}.{name[:100]}")
    return value


def new_id(kind: str) -> str:
    """kind: "event", "item", "resp", "sess", "conv"."""
    return f"{kind}_{secrets.token_hex(10)}"


class Outbox:
    """Events in their order, each with an id. `put` never waits; `overfull` is set when a client does not read.

    carries_sound: whether sound is in events, both ways, or on a track beside them.
    """

    def __init__(self, capacity: int = UNREAD, *, carries_sound: bool = True) -> None:
        self.carries_sound = carries_sound
        self.overfull = asyncio.Event()
        self._capacity = capacity
        self._events: deque[dict[str, Any]] = deque()
        self._news = asyncio.Event()

    def put(self, type: str, **fields: Any) -> None:
        if len(self._events) >= self._capacity:
            self.overfull.set()
        if not self.overfull.is_set():
            self._events.append({"type": type, "event_id": new_id("event"), **fields})
            self._news.set()

    def error(self, error: ClientError, event_id: object = None) -> None:
        self.put("error", error=error.as_dict(event_id))

    def failure(self, code: str, message: str) -> None:
        """Something of the server has failed; the session goes on."""
        told = {"type": "server_error", "code": code, "message": message[:500], "param": None, "event_id": None}
        self.put("error", error=told)

    async def send_to(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Runs until it is cancelled. Raises what `send` raises."""
        while True:
            await self._news.wait()
            self._news.clear()
            while self._events:
                await send(self._events[0])
                self._events.popleft()
