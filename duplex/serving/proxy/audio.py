"""The audio routes of a cluster: a request goes to the worker under the least pressure, and its answer as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping

import aiohttp
from aiohttp import web

from duplex.serving.audio.limits import AudioLimits
from duplex.serving.hosts.contract import DoorHost
from duplex.serving.http.limits import RateLimiter
from duplex.serving.http.presence import while_there
from duplex.serving.proxy.doors import Doors, lost, opened, passed
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import CallError

_BURST = 60.0
_FORM = 1 << 20
"""Bytes of a form besides its recording."""
_UPLOADS = ("/v1/audio/transcriptions", "/v1/audio/translations")


class AudioProxy:
    """See MoreRoutes. Use as an async context manager, around the server that has the routes."""

    def __init__(self, host: DoorHost, limits: AudioLimits | None = None) -> None:
        self._host = host
        self._limits = limits or AudioLimits()
        self._doors = Doors()
        self._rate = RateLimiter(SystemClock(), self._limits.rate, _BURST)
        self.bodies: Mapping[str, int] = dict.fromkeys(_UPLOADS, self._limits.upload + _FORM)
        self.keys: Mapping[str, Callable[[str], bool]] = {}

    async def __aenter__(self) -> AudioProxy:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._doors.close()

    def add_to(self, router: web.UrlDispatcher) -> None:
        for path in (*_UPLOADS, "/v1/audio/speech"):
            router.add_post(path, self._pass_on)
        for path in ("/v1/models", "/v1/models/{model}"):
            router.add_get(path, self._pass_on)

    async def _pass_on(self, request: web.Request) -> web.StreamResponse:
        remote = request.remote or ""
        if not self._rate.take(remote):
            raise CallError("too many requests: wait a little", "busy", self._rate.wait(remote))
        with self._host.door() as door:
            headers = {name: request.headers[name] for name in ("Content-Type",) if name in request.headers}
            asked = self._doors.http.request(
                request.method,
                door.url + request.rel_url.raw_path,
                data=_pieces(request) if request.can_read_body else None,
                headers={**headers, **opened(door)},
            )
            try:
                answer = await while_there(request, _begun(asked))
            except (aiohttp.ClientError, TimeoutError):
                raise lost() from None
        async with answer:
            response = web.StreamResponse(status=answer.status, headers={**passed(answer.headers), **_ANSWER})
            await response.prepare(request)
            try:
                async for piece in answer.content.iter_any():
                    async with asyncio.timeout(self._limits.stalled):
                        await response.write(piece)
                async with asyncio.timeout(self._limits.stalled):
                    await response.write_eof()
            except (aiohttp.ClientError, ConnectionError, TimeoutError):
                # Broken off, so that nobody takes a part of an answer for the whole.
                if request.transport is not None:
                    request.transport.abort()
        return response


_ANSWER = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}


async def _pieces(request: web.Request) -> AsyncIterator[bytes]:
    async for piece in request.content.iter_any():
        yield piece


async def _begun(asked: aiohttp.client._RequestContextManager) -> aiohttp.ClientResponse:
    return await asked
