"""The paths of `/v1/realtime`, and what a request to each must be: the same, whoever holds the conversations."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from aiohttp import web

from duplex.serving.http.api_errors import ApiError
from duplex.serving.http.limits import Limits
from duplex.serving.realtime.client_secrets import ClientSecrets
from duplex.serving.realtime.wire import ClientError
from duplex.transport.candidates import Scope, reachable_scope, without_unreachable

PATH = "/v1/realtime"
CALLS = f"{PATH}/calls"
HANG_UP = CALLS + "/{call:rtc_[0-9a-f]{1,64}}/hangup"
REVOKE = f"{PATH}/client_secrets/revoke"
SDP = "application/sdp"

LARGEST = 16 << 20
"""Bytes of an event: the API's 15 MiB of sound in one, and what is around it."""

_GOODBYE = 2.0
"""Seconds for a client to take its leave."""


class RealtimeRoutes(ABC):
    """See MoreRoutes. voices: of the server, by name. private_candidates: see Signalling."""

    bodies: Mapping[str, int] = MappingProxyType({})

    def __init__(self, voices: Callable[[], Iterable[str]], limits: Limits, *, private_candidates: bool) -> None:
        self._voices = voices
        self._limits = limits
        self._private_candidates = private_candidates
        self._secrets = ClientSecrets()

    @property
    def keys(self) -> Mapping[str, Callable[[str], bool]]:
        return {PATH: self._secrets.knows, CALLS: self._secrets.knows}

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_get(PATH, self._converse)
        router.add_post(CALLS, self._call)
        router.add_post(HANG_UP, self._hang_up)
        router.add_post(f"{PATH}/client_secrets", self._make_key)
        router.add_post(REVOKE, self._revoke_key)

    @abstractmethod
    async def close(self) -> None:
        """Ends the conversations that do not end with their requests."""

    @abstractmethod
    async def _converse(self, request: web.Request) -> web.StreamResponse: ...

    @abstractmethod
    async def _call(self, request: web.Request) -> web.Response: ...

    @abstractmethod
    async def _hang_up(self, request: web.Request) -> web.Response: ...

    async def _make_key(self, request: web.Request) -> web.Response:
        body = _json(await request.text() or "{}")
        return web.json_response(checked(lambda: self._secrets.issue(body, self._voices())))

    async def _revoke_key(self, request: web.Request) -> web.Response:
        body = _json(await request.text() or "{}")
        told = checked(lambda: self._secrets.revoke(body))
        await self._end_of_key(body["value"])
        return web.json_response(told)

    @abstractmethod
    async def _end_of_key(self, key: str) -> None:
        """This one has been revoked, and what it has opened ends."""

    async def _offer(self, request: web.Request) -> tuple[str, object]:
        """(what of an offer can be reached, the session that came with it): the body as it is, or the part "sdp" of a
        form beside "session". Raises ApiError, HTTPUnsupportedMediaType."""
        session: object = None
        if request.content_type == SDP:
            sdp = await request.text()
        elif request.content_type == "multipart/form-data":
            form = await request.post()
            sdp, session = _part(form, "sdp"), _json(_part(form, "session") or "null")
        else:
            raise web.HTTPUnsupportedMediaType(text=f"the body must be {SDP} or multipart/form-data")
        if not sdp or len(sdp) > self._limits.sdp:
            raise ApiError(f"sdp: must have at most {self._limits.sdp} characters, and some", param="sdp")
        nearest = Scope.LOOPBACK if self._private_candidates else reachable_scope(request.remote)
        return without_unreachable(sdp, nearest), session


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


def checked(make: Callable[[], Any]) -> Any:
    """What `make` gives; its ClientError as an answer of HTTP."""
    try:
        return make()
    except ClientError as error:
        raise ApiError(str(error), param=error.param, code=error.code) from None
