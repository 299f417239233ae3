"""Wyoming's events on a connection whose other end may send anything: a line of JSON, more JSON, a payload.

Source: the protocol's description in the README of the package `wyoming`, section "Format".
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

from wyoming.event import Event, async_write_event

from duplex.streaming.errors import DuplexError


@dataclass(frozen=True, slots=True)
class WyomingLimits:
    """Numbers of connections, bytes, characters, and seconds."""

    connections: int = 64
    """TCP connections at once; each client has one for each thing it asks."""
    header: int = 1 << 16
    """Bytes of an event's line of JSON, and of the JSON after it."""
    payload: int = 1 << 20
    """Bytes of an event's payload: half a minute of sound."""
    text: int = 16_384
    """Characters that one request may have spoken."""
    idle: float = 300.0
    """Seconds without an event after which a connection ends."""
    stalled: float = 30.0
    """Seconds in which an event that has begun must have arrived, and in which a client must take what it is sent."""


class WyomingError(DuplexError):
    """An event that cannot be read or answered. code: why, in one word, for programs."""

    def __init__(self, message: str, code: str) -> None:
        super().__init__(message)
        self.code = code


class EventStream:
    """The events of one connection. reader: with `WyomingLimits.header` as its own limit."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, limits: WyomingLimits) -> None:
        self._reader = reader
        self._writer = writer
        self._limits = limits

    async def read(self) -> Event | None:
        """None at the end of the stream. Raises WyomingError on what is no event, or is too large or too late."""
        try:
            async with asyncio.timeout(self._limits.idle):
                line = await self._reader.readline()
        except ValueError:
            raise WyomingError(f"a header has more than {self._limits.header} bytes", "too-large") from None
        except TimeoutError:
            raise WyomingError(f"no event came for {self._limits.idle:g} s", "idle") from None
        if not line:
            return None
        header = _object(line, "the header")
        kind = header.get("type")
        if not isinstance(kind, str):
            raise WyomingError("the header has no type", "invalid-event")
        try:
            async with asyncio.timeout(self._limits.stalled):
                more = await self._block(header, "data_length", self._limits.header)
                payload = await self._block(header, "payload_length", self._limits.payload)
        except TimeoutError:
            raise WyomingError(f"an event did not come within {self._limits.stalled:g} s", "too-late") from None
        except asyncio.IncompleteReadError:
            return None
        given = header.get("data")
        if given is not None and not isinstance(given, dict):
            raise WyomingError("data must be a JSON object", "invalid-event")
        return Event(kind, {**(given or {}), **(_object(more, "data") if more else {})}, payload or None)

    async def write(self, event: Event) -> None:
        """Raises ConnectionError if the client is gone, or does not take what it is sent."""
        try:
            async with asyncio.timeout(self._limits.stalled):
                await async_write_event(event, self._writer)
        except TimeoutError:
            raise ConnectionAbortedError("the client does not read") from None

    async def _block(self, header: dict[str, Any], name: str, most: int) -> bytes:
        length = header.get(name)
        if length is None:
            return b""
        if not isinstance(length, int) or isinstance(length, bool) or length < 0:
            raise WyomingError(f"{name} must be a number of bytes", "invalid-event")
        if length > most:
            raise WyomingError(f"{name}: an event may have {most} bytes of it, not {length}", "too-large")
        return await self._reader.readexactly(length)


def _object(data: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise WyomingError(f"{name} must be a JSON object", "invalid-event")
    return found
