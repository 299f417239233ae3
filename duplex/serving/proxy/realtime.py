"""`/v1/realtime` of a cluster: each conversation is held by one worker, and its WebSocket is passed on as it is.

Sound of WebRTC does not come by here: the client's connection is with the worker. A conversation cannot be resumed in
the API, so one whose worker dies ends with an error that says so; what was said in it can still be fetched.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import deque
from typing import Any

import aiohttp
from aiohttp import WSCloseCode, WSMsgType, web

from duplex.serving.hosts.contract import Door, DoorHost
from duplex.serving.http.api_errors import ApiError
from duplex.serving.http.auth import presented
from duplex.serving.http.limits import Limits
from duplex.serving.proxy.doors import Doors, lost, opened
from duplex.serving.realtime.client_secrets import MOST, digest
from duplex.serving.realtime.routes import CALLS, PATH, REVOKE, RealtimeRoutes, socket_of
from duplex.serving.realtime.wire import new_id
from duplex.streaming.errors import CallError

STALLED = 60.0
"""Seconds after which a client that does not read is dropped; its worker drops it sooner, if it can tell it."""

_ALIVE = 10.0
"""Seconds between two signs of life of a worker."""

_LARGEST = 256 << 20
"""Bytes of an event of a worker."""


class RealtimeProxy(RealtimeRoutes):
    """host: whose workers hold the conversations."""

    def __init__(self, host: DoorHost, limits: Limits, *, private_candidates: bool = False) -> None:
        super().__init__(host.voices, limits, private_candidates=private_candidates)
        self._host = host
        self._doors = Doors()
        self._sockets: set[web.WebSocketResponse] = set()
        self._lent: deque[tuple[bytes, Door, str]] = deque(maxlen=MOST)
        """What each key, known by its digest, has been given at the workers: a key of theirs."""

    async def close(self) -> None:
        """Ends the conversations."""
        for socket in tuple(self._sockets):
            await socket.close(code=WSCloseCode.GOING_AWAY)
        await self._doors.close()

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        socket = socket_of(request)
        with self._host.door(call=True) as door:
            theirs = await self._connected(door, request)
        self._sockets.add(socket)
        try:
            async with theirs:
                await socket.prepare(request)
                await _pass_on(socket, theirs)
        finally:
            self._sockets.discard(socket)
        return socket

    async def _connected(self, door: Door, request: web.Request) -> aiohttp.ClientWebSocketResponse:
        """To the worker, which has begun the conversation. Raises CallError, ApiError."""
        key = await self._key(door, request)
        try:
            return await self._doors.http.ws_connect(
                f"{door.url}{PATH}",
                params=list(request.query.items()),
                headers=opened(door, key),
                heartbeat=_ALIVE,
                max_msg_size=_LARGEST,
            )
        except aiohttp.WSServerHandshakeError as refused:
            wait = float((refused.headers or {}).get("Retry-After", 0) or 0)
            if refused.status == 503:
                raise CallError("the server is full or too busy: try again later", "full", wait or 15.0) from None
            raise ApiError(f"the worker refuses the conversation ({refused.status})", status=refused.status) from None
        except (aiohttp.ClientError, ConnectionError, TimeoutError):
            raise lost() from None

    async def _call(self, request: web.Request) -> web.Response:
        sdp, session = await self._offer(request)
        form = aiohttp.FormData(default_to_multipart=True)
        form.add_field("sdp", sdp, content_type="application/sdp")
        if session is not None:
            form.add_field("session", json.dumps(session), content_type="application/json")
        with self._host.door(call=True) as door:
            return await self._doors.post(door, CALLS, data=form, key=await self._key(door, request))

    async def _hang_up(self, request: web.Request) -> web.Response:
        """Whose call it is, the workers know."""
        for door in self._host.doors():
            try:
                answer = await self._doors.post(door, request.path)
            except CallError:
                continue
            if answer.status != 404:
                return answer
        raise CallError("there is no such call")

    async def _key(self, door: Door, request: web.Request) -> str:
        """What opens the door for this request: a key for sessions of one configuration, or nothing but its own."""
        shown = presented(request.headers) or ""
        session = self._secrets.session(shown)
        if session is None:
            return ""
        key = await self._doors.session_key(door, session)
        if self._secrets.revoked(shown):
            raise ApiError("the key has been revoked", status=401, code="invalid_api_key")
        self._lent.append((digest(shown), door, key))
        return key

    async def _end_of_key(self, key: str) -> None:
        """The workers end what it has opened."""
        ended = digest(key)
        for door, theirs in [(door, theirs) for shown, door, theirs in self._lent if shown == ended]:
            with contextlib.suppress(CallError):  # a worker that is gone has ended it
                await self._doors.post(door, REVOKE, json={"value": theirs})


async def _pass_on(client: web.WebSocketResponse, worker: aiohttp.ClientWebSocketResponse) -> None:
    """Until either side ends it, or the worker is gone."""
    up = asyncio.create_task(_ask(client, worker))
    down = asyncio.create_task(_tell(client, worker))
    try:
        await asyncio.wait([up, down], return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (up, down):
            task.cancel()
        await asyncio.gather(up, down, return_exceptions=True)


async def _ask(client: web.WebSocketResponse, worker: aiohttp.ClientWebSocketResponse) -> None:
    """What the client says goes to the worker, until the client has gone."""
    try:
        async for message in client:
            if message.type is WSMsgType.TEXT:
                await worker.send_str(message.data)
            elif message.type is WSMsgType.BINARY:
                await worker.send_bytes(message.data)
    except ConnectionError:  # the worker's end, which `_tell` sees too
        await asyncio.sleep(_ALIVE)


async def _tell(client: web.WebSocketResponse, worker: aiohttp.ClientWebSocketResponse) -> None:
    """What the worker says goes to the client, its last word too."""
    while True:
        message = await worker.receive()
        if message.type is WSMsgType.TEXT:
            try:
                async with asyncio.timeout(STALLED):
                    await client.send_str(message.data)
            except TimeoutError:
                await client.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the client does not read")
                return
            except ConnectionError:
                return
        elif message.type is WSMsgType.CLOSE and message.data != WSCloseCode.ABNORMAL_CLOSURE:
            reason = (message.extra or "").encode()[:120]
            await client.close(code=message.data or WSCloseCode.GOING_AWAY, message=reason)
            return
        else:  # it has died, or does not answer
            await _say_lost(client)
            return


async def _say_lost(client: web.WebSocketResponse) -> None:
    text = "the session has ended: the worker that held it is gone; connect again"
    error: dict[str, Any] = {"type": "server_error", "code": "worker_lost", "message": text}
    event = {"type": "error", "event_id": new_id("event"), "error": {**error, "param": None, "event_id": None}}
    try:
        await client.send_str(json.dumps(event))
    except ConnectionError:
        return
    await client.close(code=WSCloseCode.SERVICE_RESTART, message=text.encode()[:120])
