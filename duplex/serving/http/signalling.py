"""Signalling over HTTP: the routes of the page, and what must be true of a request before anything is done for it."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from duplex.serving.hosts.host import CallHost
from duplex.serving.hosts.ice_servers import IceServers
from duplex.serving.http import call_request as wishes
from duplex.serving.http.auth import Gate, bearer
from duplex.serving.http.limits import Limits
from duplex.serving.http.metrics import CONTENT_TYPE, Metrics
from duplex.serving.http.pages import INDEX, File
from duplex.streaming.errors import CallError, DuplexError

log = logging.getLogger(__name__)

STATUS = {
    "unknown": 404,
    "over": 410,
    "full": 503,
    "draining": 503,
    "lost": 503,
    "busy": 429,
}
"""Why a call is refused (CallError.reason) to the status that says so."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",  # the page's address has the token in it
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_PIECE = 1 << 18
_EVENTS = 500

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Signalling:
    """The routes over a host. page: the files of the page. ice_servers: what a call's browser may use."""

    def __init__(
        self,
        host: CallHost,
        gate: Gate,
        limits: Limits,
        metrics: Metrics,
        page: dict[str, File],
        ice_servers: IceServers,
    ) -> None:
        self._host = host
        self._gate = gate
        self._limits = limits
        self._metrics = metrics
        self._page = page
        self._ice_servers = ice_servers
        self.draining = False

    def application(self) -> web.Application:
        app = web.Application(client_max_size=self._limits.body, middlewares=[self._account, self._guard])
        api = "/api/sessions"
        one = api + "/{call:[A-Za-z0-9_-]{1,64}}"
        app.router.add_get("/", self._index)
        app.router.add_get("/static/{path:.+}", self._static)
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/metrics", self._show_metrics)
        app.router.add_post(api, self._create)
        app.router.add_get(one, self._state)
        app.router.add_delete(one, self._close)
        app.router.add_post(one + "/offer", self._offer)
        app.router.add_post(one + "/consent", self._consent)
        app.router.add_get(one + "/recording.wav", self._recording)
        app.router.add_delete(one + "/recording", self._delete_recording)
        app.router.add_get(one + "/{name:[a-z.]{1,32}}", self._export)
        return app

    # Around every request.

    @web.middleware
    async def _account(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts, answers errors in one line of JSON, and adds the headers that every answer has."""
        began = time.perf_counter()
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        response: web.StreamResponse
        try:
            response = await handler(request)
        except web.HTTPException as error:
            response = _error(error.status, error.text or error.reason)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except CallError as error:
            response = _error(STATUS.get(error.reason, 400), str(error))
            if error.retry_after:
                response.headers["Retry-After"] = f"{error.retry_after:.0f}"
        except DuplexError as error:
            response = _error(400, str(error))
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("%s %s failed", request.method, route, exc_info=error)
            response = _error(500, "the server failed at this request; its log says why")
        if not response.prepared:
            response.headers.update({name: text for name, text in HEADERS.items() if name not in response.headers})
        self._metrics.requests.labels(route, str(response.status)).inc()
        self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
        return response

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Everything but the page's own files and the health needs the token; nothing is for foreign pages."""
        if request.path == "/" or request.path == "/healthz" or request.path.startswith("/static/"):
            return await handler(request)
        headers = request.headers
        if not self._gate.accepts_origin(
            headers.get("Origin"), request.scheme, request.host, headers.get("Sec-Fetch-Site")
        ):
            return self._refuse(request, 403, "origin", "this page's origin may not use this server")
        presented = bearer(headers.get("Authorization")) or request.query.get("token")
        if not self._gate.knows(presented):
            response = self._refuse(request, 401, "token", "the token is missing or wrong: open the address as given")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        if request.content_length is not None and request.content_length > self._limits.body:
            return self._refuse(request, 413, "size", f"a body may have {self._limits.body} bytes at most")
        return await handler(request)

    def _refuse(self, request: web.Request, status: int, why: str, text: str) -> web.Response:
        self._metrics.refused.labels(why).inc()
        log.warning("refused (%s): %s %s from %s", why, request.method, request.path[:80], request.remote)
        response = _error(status, text)
        if request.can_read_body:
            response.force_close()  # what it sends is not read
        return response

    # Routes.

    async def _index(self, request: web.Request) -> web.Response:
        return self._file(INDEX)

    async def _static(self, request: web.Request) -> web.Response:
        return self._file(request.match_info["path"])

    def _file(self, path: str) -> web.Response:
        file = self._page.get(path)
        if file is None:
            raise web.HTTPNotFound(text="there is no such page")
        return web.Response(body=file.body, content_type=file.media_type, charset=_charset(file.media_type))

    async def _health(self, request: web.Request) -> web.Response:
        if self.draining:
            return web.json_response({"status": "draining"}, status=503)
        return web.json_response({"status": "ok"})

    async def _show_metrics(self, request: web.Request) -> web.Response:
        text = self._metrics.render(await self._host.load())
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _create(self, request: web.Request) -> web.Response:
        wish = wishes.parse_wish(await self._body(request))
        made = await self._host.create(wish)
        servers = [server.as_dict() for server in self._ice_servers(made["session"])]
        return web.json_response({**made, "ice_servers": servers}, status=201)

    async def _state(self, request: web.Request) -> web.Response:
        state = await self._host.state(request.match_info["call"])
        servers = [server.as_dict() for server in self._ice_servers(state["session"])]
        events, pieces = state.pop("events"), []
        for at in range(0, len(events), _EVENTS):  # an hour of them would hold up the sound of every call
            pieces.append(_dumps(events[at : at + _EVENTS])[1:-1])
            await asyncio.sleep(0)
        rest = _dumps({**state, "ice_servers": servers})
        return web.json_response(text=f'{rest[:-1]}, "events": [{", ".join(pieces)}]}}')

    async def _close(self, request: web.Request) -> web.Response:
        await self._host.close(request.match_info["call"])
        return web.Response(status=204)

    async def _offer(self, request: web.Request) -> web.Response:
        sdp = wishes.parse_offer(await self._body(request), self._limits.sdp)
        answer = await self._host.offer(request.match_info["call"], sdp)
        return web.json_response({"sdp": answer, "type": "answer"})

    async def _consent(self, request: web.Request) -> web.Response:
        record = wishes.parse_consent(await self._body(request))
        return web.json_response(await self._host.consent(request.match_info["call"], record))

    async def _export(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        media_type, text = await self._host.export(request.match_info["call"], name)
        return web.Response(
            text=text,
            content_type=media_type,
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        call, offset = request.match_info["call"], 0
        piece = await self._host.recording(call, 0, _PIECE)
        response = web.StreamResponse(
            headers={
                **HEADERS,
                "Content-Type": "audio/wav",
                "Content-Disposition": 'attachment; filename="recording.wav"',
            }
        )
        await response.prepare(request)
        while piece:
            await response.write(piece)
            offset += len(piece)
            piece = await self._host.recording(call, offset, _PIECE)
        await response.write_eof()
        return response

    async def _delete_recording(self, request: web.Request) -> web.Response:
        await self._host.delete_recording(request.match_info["call"])
        return web.Response(status=204)

    async def _body(self, request: web.Request) -> Any:
        """The JSON of a body. A form or a script of a foreign page cannot send this content type unasked."""
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="the body must be application/json")
        try:
            async with asyncio.timeout(self._limits.request):
                text = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout(text=f"the body did not come within {self._limits.request:g} s") from None
        return parse_json(text)


def parse_json(text: bytes) -> Any:
    """Raises HTTPBadRequest on what is no JSON, or nested or numbered beyond reason."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the body is not JSON") from None


def _error(status: int, text: str) -> web.Response:
    return web.json_response({"error": " ".join(text.split())[:300]}, status=status)


def _charset(media_type: str) -> str | None:
    return "utf-8" if media_type.startswith("text/") or media_type == "application/json" else None


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
