"""`/v1/realtime`: the wires on which a client holds a conversation, a WebSocket and WebRTC, and keys for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from duplex.serving.hosts.contract import PlaceHost
from duplex.serving.http.auth import presented
from duplex.serving.http.limits import Limits
from duplex.serving.realtime.calls import RealtimeCalls
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.holding import hold
from duplex.serving.realtime.routes import CALLS, SDP, RealtimeRoutes, checked, socket_of
from duplex.serving.realtime.wire import ClientError, Outbox

ELSEWHERE = 32_768
"""Characters from which an event is read on another thread: it would hold up the sound of others."""


class RealtimeEndpoint(RealtimeRoutes):
    """host: where conversations are held."""

    def __init__(self, host: PlaceHost, limits: Limits, *, private_candidates: bool = False) -> None:
        super().__init__(host.voices, limits, private_candidates=private_candidates)
        self._host = host
        self._calls = RealtimeCalls(host, limits)

    async def close(self) -> None:
        """Ends the calls."""
        await self._calls.close()

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        socket = socket_of(request)
        configuration = self._configured(request)
        if request.query.get("intent") == "transcription":
            configuration = replace(configuration, kind="transcription")
        async with self._host.place("realtime websocket") as place:
            await socket.prepare(request)
            outbox = Outbox()

            async def send(event: dict[str, Any]) -> None:
                await socket.send_str(json.dumps(event, ensure_ascii=False))

            async def close(overfull: bool, reason: str) -> None:
                code = WSCloseCode.POLICY_VIOLATION if overfull else WSCloseCode.GOING_AWAY
                await socket.close(code=code, message=reason.encode()[:120])

            voices = self._voices()
            async with Conversation(
                place, outbox, self._limits, configuration, voices, revoked=self._revoked(request)
            ) as conversation:
                await hold(conversation, outbox, send, close, _read_all(socket, outbox, conversation))
                await socket.close(code=WSCloseCode.GOING_AWAY)
        return socket

    async def _call(self, request: web.Request) -> web.Response:
        sdp, session = await self._offer(request)
        configuration = self._configured(request)
        if session is not None:
            configuration = checked(lambda: configuration.updated(session, self._voices()))
        id, answer = await self._calls.begin(sdp, configuration, self._revoked(request))
        return web.Response(status=201, text=answer, content_type=SDP, headers={"Location": f"{CALLS}/{id}"})

    async def _hang_up(self, request: web.Request) -> web.Response:
        await self._calls.hang_up(request.match_info["call"])
        return web.Response()

    async def _end_of_key(self, key: str) -> None:
        """Its conversations look for themselves whether it is revoked."""

    def _revoked(self, request: web.Request) -> Callable[[], bool]:
        """Tells whether the key of the request has been revoked since."""
        key = presented(request.headers) or ""
        return lambda: self._secrets.revoked(key)

    def _configured(self, request: web.Request) -> Configuration:
        """What the key of the request is for."""
        return self._secrets.configuration(presented(request.headers) or "") or Configuration()


async def _read_all(socket: web.WebSocketResponse, outbox: Outbox, conversation: Conversation) -> None:
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            await conversation.take(await _read(message.data))
        elif message.type is WSMsgType.BINARY:
            outbox.error(ClientError("events are texts of JSON; sound goes in them, in base64", "invalid_event"))
        await asyncio.sleep(0)  # what has come already would be read in one go, while others wait


async def _read(text: str) -> Any:
    """The JSON of an event; None if it is none."""
    try:
        return json.loads(text) if len(text) < ELSEWHERE else await asyncio.to_thread(json.loads, text)
    except (ValueError, RecursionError):
        return None
