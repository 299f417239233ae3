"""`/v1/realtime`: the wires on which a client holds a conversation, a WebSocket and WebRTC, and keys for them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from duplex.serving.hosts.contract import PlaceHost
from duplex.serving.http.api_errors import ApiError
from duplex.serving.http.auth import presented
from duplex.serving.http.limits import Limits
from duplex.serving.realtime.calls import RealtimeCalls
from duplex.serving.realtime.client_secrets import ClientSecrets
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.conversation import Conversation
from duplex.serving.realtime.holding import hold
from duplex.serving.realtime.wire import ClientError, Outbox
from duplex.transport.candidates import Scope, reachable_scope, without_unreachable

PATH = "/v1/realtime"
CALLS = f"{PATH}/calls"
HANG_UP = CALLS + "/{call:rtc_[0-9a-f]{1,64}}/hangup"
REVOKE = f"{PATH}/client_secrets/revoke"
SDP = "application/sdp"

LARGEST = 16 << 20
"""Bytes of an event: the API's 15 MiB of sound in one, and what is around it."""

ELSEWHERE = 32_768
"""Characters from which an event is read on another thread: it would hold up the sound of others."""

_GOODBYE = 2.0
"""Seconds for a client to take its leave."""


class RealtimeEndpoint:
    """See MoreRoutes. host: where conversations are held. private_candidates: see Signalling."""

    bodies: Mapping[str, int] = MappingProxyType({})

    def __init__(self, host: PlaceHost, limits: Limits, *, private_candidates: bool = False) -> None:
        self._host = host
        self._limits = limits
        self._private_candidates = private_candidates
        self._secrets = ClientSecrets()
        self._calls = RealtimeCalls(host, limits)

    @property
    def keys(self) -> Mapping[str, Callable[[str], bool]]:
        return {PATH: self._secrets.knows, CALLS: self._secrets.knows}

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get(PATH, self._converse)
        router.add_post(CALLS, self._call)
        router.add_post(HANG_UP, self._hang_up)
        router.add_post(f"{PATH}/client_secrets", self._make_key)
        router.add_post(REVOKE, self._revoke_key)

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

            voices = self._host.voices()
            async with Conversation(
                place, outbox, self._limits, configuration, voices, revoked=self._revoked(request)
            ) as conversation:
                await hold(conversation, outbox, send, close, _read_all(socket, outbox, conversation))
                await socket.close(code=WSCloseCode.GOING_AWAY)
        return socket

    async def _call(self, request: web.Request) -> web.Response:
        sdp, session = await read_offer(request, self._limits, private_candidates=self._private_candidates)
        configuration = self._configured(request)
        if session is not None:
            configuration = _checked(lambda: configuration.updated(session, self._host.voices()))
        id, answer = await self._calls.begin(sdp, configuration, self._revoked(request))
        return web.Response(status=201, text=answer, content_type=SDP, headers={"Location": f"{CALLS}/{id}"})

    async def _hang_up(self, request: web.Request) -> web.Response:
        await self._calls.hang_up(request.match_info["call"])
        return web.Response()

    async def _make_key(self, request: web.Request) -> web.Response:
        return await make_key(request, self._secrets, self._host.voices())

    async def _revoke_key(self, request: web.Request) -> web.Response:
        return web.json_response((await revoke_key(request, self._secrets))[1])

    def _revoked(self, request: web.Request) -> Callable[[], bool]:
        """Tells whether the key of the request has been revoked since."""
        key = presented(request.headers) or ""
        return lambda: self._secrets.revoked(key)

    def _configured(self, request: web.Request) -> Configuration:
        """What the key of the request is for."""
        return self._secrets.configuration(presented(request.headers) or "") or Configuration()


def socket_of(request: web.Request) -> web.WebSocketResponse:
    """What a request for a conversation becomes. Raises HTTPUpgradeRequired, ApiError."""
    socket = web.WebSocketResponse(
        protocols=("realtime",), heartbeat=30.0, max_msg_size=LARGEST, compress=False, timeout=_GOODBYE
    )
    if not socket.can_prepare(request).ok:
        raise web.HTTPUpgradeRequired(text="this is a WebSocket: connect to it with ws:// or wss://")
    if "call_id" in request.query:
        raise ApiError("a call has one connection: its data channel", param="call_id", code="unsupported")
    return socket


async def read_offer(request: web.Request, limits: Limits, *, private_candidates: bool) -> tuple[str, object]:
    """(what of an offer can be reached, the session that came with it): the body as it is, or the part "sdp" of a form
    beside "session". Raises ApiError, HTTPUnsupportedMediaType."""
    session: object = None
    if request.content_type == SDP:
        sdp = await request.text()
    elif request.content_type == "multipart/form-data":
        form = await request.post()
        sdp, session = _part(form, "sdp"), _json(_part(form, "session") or "null")
    else:
        raise web.HTTPUnsupportedMediaType(text=f"the body must be {SDP} or multipart/form-data")
    if not sdp or len(sdp) > limits.sdp:
        raise ApiError(f"sdp: must have at most {limits.sdp} characters, and some", param="sdp")
    nearest = Scope.LOOPBACK if private_candidates else reachable_scope(request.remote)
    return without_unreachable(sdp, nearest), session


async def make_key(request: web.Request, keys: ClientSecrets, voices: Iterable[str]) -> web.Response:
    """The answer to `POST client_secrets`. voices: of the server. Raises ApiError."""
    body = _json(await request.text() or "{}")
    return web.json_response(_checked(lambda: keys.issue(body, voices)))


async def revoke_key(request: web.Request, keys: ClientSecrets) -> tuple[str, dict[str, Any]]:
    """(the key, the answer to `POST client_secrets/revoke`). Raises ApiError."""
    body = _json(await request.text() or "{}")
    told = _checked(lambda: keys.revoke(body))
    return body["value"], told


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


def _part(form: Mapping[str, Any], name: str) -> str:
    """A part of a form, as a field or as a file; empty if there is none."""
    value = form.get(name, "")
    if isinstance(value, web.FileField):
        value = value.file.read()
    return value.decode("utf-8", "replace") if isinstance(value, bytes | bytearray) else value


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise ApiError("what should be JSON is none") from None


def _checked(make: Callable[[], Any]) -> Any:
    """What `make` gives; its ClientError as an answer of HTTP."""
    try:
        return make()
    except ClientError as error:
        raise ApiError(str(error), param=error.param, code=error.code) from None
