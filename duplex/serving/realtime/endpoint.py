"""`/v1/realtime`: a WebSocket on which a client holds a conversation."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from duplex.serving.hosts.contract import PlaceHost
from duplex.serving.http.limits import Limits
from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.wire import ClientError, Outbox

log = logging.getLogger(__name__)

LARGEST = 16 << 20
"""Bytes of an event: the API's 15 MiB of sound in one, and what is around it."""

ELSEWHERE = 32_768
"""Characters from which an event is read on another thread: it would hold up the sound of others."""

_LOOK = 0.25
"""Seconds between two looks at whether the conversation has to end."""

_GOODBYE = 2.0
"""Seconds for a client to take its leave."""


class RealtimeEndpoint:
    """See MoreRoutes. host: where conversations are held."""

    bodies: Mapping[str, int] = MappingProxyType({})

    def __init__(self, host: PlaceHost, limits: Limits) -> None:
        self._host = host
        self._limits = limits

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get("/v1/realtime", self._converse)

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            protocols=("realtime",), heartbeat=30.0, max_msg_size=LARGEST, compress=False, timeout=_GOODBYE
        )
        if not socket.can_prepare(request).ok:
            raise web.HTTPUpgradeRequired(text="this is a WebSocket: connect to it with ws:// or wss://")
        async with self._host.place("realtime") as place:
            await socket.prepare(request)
            outbox = Outbox()
            transcription = request.query.get("intent") == "transcription"
            async with Conversation(place, outbox, self._limits, transcription=transcription) as conversation:
                await _hold(socket, outbox, conversation)
        return socket


async def _hold(socket: web.WebSocketResponse, outbox: Outbox, conversation: Conversation) -> None:
    """Until either side ends it."""
    beside = [
        asyncio.create_task(outbox.send_to(socket.send_str)),
        asyncio.create_task(conversation.keep_pace()),
        asyncio.create_task(_end_when_due(socket, outbox, conversation)),
    ]
    try:
        async for message in socket:
            if message.type is WSMsgType.TEXT:
                await conversation.take(await _read(message.data))
            elif message.type is WSMsgType.BINARY:
                outbox.error(ClientError("events are texts of JSON; sound goes in them, in base64", "invalid_event"))
    finally:
        for task in beside:
            task.cancel()
        ended = await asyncio.gather(*beside, return_exceptions=True)
        for failure in ended:
            if isinstance(failure, Exception) and not isinstance(failure, ConnectionError):
                log.error("realtime: a conversation has failed", exc_info=failure)
        await socket.close(code=WSCloseCode.GOING_AWAY)


async def _end_when_due(socket: web.WebSocketResponse, outbox: Outbox, conversation: Conversation) -> None:
    while True:
        try:
            async with asyncio.timeout(_LOOK):
                await outbox.overfull.wait()
        except TimeoutError:
            if reason := conversation.reason_to_end():
                outbox.put("error", error=_ended(reason))
                await asyncio.sleep(_LOOK)
                await socket.close(code=WSCloseCode.GOING_AWAY, message=f"ended: {reason}".encode()[:120])
                return
        else:
            await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"the client does not read")
            return


def _ended(reason: str) -> dict[str, Any]:
    text = f"the session has ended: {reason}"
    return {"type": "invalid_request_error", "code": "session_ended", "message": text, "param": None, "event_id": None}


async def _read(text: str) -> Any:
    """The JSON of an event; None if it is none."""
    try:
        return json.loads(text) if len(text) < ELSEWHERE else await asyncio.to_thread(json.loads, text)
    except (ValueError, RecursionError):
        return None
