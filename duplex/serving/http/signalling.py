"""Signalling over HTTP: the routes of the page, and what must be true of a request before anything is done for it."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

from aiohttp import web

from duplex.serving.hosts.contract import CallHost
from duplex.serving.hosts.ice_servers import IceServers
from duplex.serving.http.api_errors import ApiError, api_error, error_response
from duplex.serving.http.auth import Gate, TokenThrottle, presented
from duplex.serving.http.call_request import parse_call_request, parse_consent, parse_offer
from duplex.serving.http.cross_origin import cross_origin
from duplex.serving.http.limits import Limits, RateLimiter
from duplex.serving.http.metrics import CONTENT_TYPE, Metrics
from duplex.serving.http.more_routes import MoreRoutes
from duplex.serving.http.pages import INDEX, File
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import CallError, DuplexError
from duplex.transport.candidates import Scope, reachable_scope, without_unreachable

log = logging.getLogger(__name__)

STATUS = {
    "unknown": 404,
    "over": 410,
    "full": 503,
    "draining": 503,
    "lost": 503,
    "slow": 503,
    "failed": 500,
    "busy": 429,
}
"""Why a call is refused (CallError.reason) to the status that says so."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=()",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

_PIECE = 1 << 18
_EVENTS = 500
_BURST, _EXPORTS_BURST = 40, 12

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Signalling:
    """The routes over a host. page: the files of the page. ice_servers: what a call's browser may use.

    private_candidates: try every address that an offer names, whoever sends it (see `duplex.transport.candidates`).
    more: routes besides these.
    """

    def __init__(
        self,
        host: CallHost,
        gate: Gate,
        limits: Limits,
        metrics: Metrics,
        page: dict[str, File],
        ice_servers: IceServers,
        *,
        private_candidates: bool = False,
        more: Sequence[MoreRoutes] = (),
    ) -> None:
        self._host = host
        self._more = more
        self._bodies = {path: size for routes in more for path, size in routes.bodies.items()}
        self._gate = gate
        self._limits = limits
        self._metrics = metrics
        self._page = page
        self._ice_servers = ice_servers
        self._private_candidates = private_candidates
        clock = SystemClock()
        self._throttle = TokenThrottle(clock)
        self._warnings = RateLimiter(clock, 1.0, 20.0)
        self._reads = RateLimiter(clock, limits.reads, _BURST)
        self._exports = RateLimiter(clock, limits.exports, _EXPORTS_BURST)
        self.draining = False

    def application(self) -> web.Application:
        before = [cross_origin(self._gate), self._account, self._guard]
        app = web.Application(client_max_size=self._limits.body, middlewares=before)
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
        for routes in self._more:
            routes.add_to(app.router)
        return app

    @web.middleware
    async def _account(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts, answers errors in one line of JSON, and adds the headers that every answer has."""
        began = time.perf_counter()
        resource = request.match_info.route.resource
        route = resource.canonical if resource is not None else "none"
        try:
            with self._metrics.present.labels(route).track_inprogress():
                response: web.StreamResponse = await handler(request)
        except web.HTTPException as error:
            response = error_response(request.path, error.status, error.text or error.reason)
            if "Allow" in error.headers:
                response.headers["Allow"] = error.headers["Allow"]
        except ApiError as error:
            response = api_error(error.status, str(error), error.param, error.code)
        except CallError as error:
            response = error_response(request.path, STATUS.get(error.reason, 400), str(error))
            if error.retry_after:
                response.headers["Retry-After"] = str(math.ceil(error.retry_after))
        except DuplexError as error:
            response = error_response(request.path, 400, str(error))
        except (ConnectionResetError, asyncio.CancelledError):
            raise  # the client has gone: there is nobody to answer
        except Exception as error:
            log.error("%s %s failed", request.method, route, exc_info=error)
            response = error_response(request.path, 500, "the server failed at this request; its log says why")
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
        remote = request.remote or ""
        if wait := self._throttle.wait(remote):
            return self._refuse(request, 429, "guessing", "too many wrong tokens: wait a little", wait)
        if not self._gate.knows(presented(headers), request.path):
            self._throttle.wrong(remote)
            where = "in the header Authorization, not in the address" if "token" in request.query else "as given"
            response = self._refuse(request, 401, "token", f"the token is missing or wrong: send it {where}")
            response.headers["WWW-Authenticate"] = "Bearer"
            return response
        self._throttle.right(remote)
        most = self._bodies.get(request.path, self._limits.body)
        if request.content_length is not None and request.content_length > most:
            return self._refuse(request, 413, "size", f"a body may have {most} bytes at most")
        return await handler(request)

    def _refuse(self, request: web.Request, status: int, why: str, text: str, retry_after: float = 0.0) -> web.Response:
        self._metrics.refused.labels(why).inc()
        if self._warnings.take(request.remote or ""):
            # The path as it was sent: decoded, it could hold line breaks and forge lines of the log.
            path = request.rel_url.raw_path[:80]
            log.warning("refused (%s): %r %r from %s", why, request.method, path, request.remote)
        response = error_response(request.path, status, text)
        if retry_after:
            response.headers["Retry-After"] = str(math.ceil(retry_after))
        if request.can_read_body:
            response.force_close()  # what it sends is not read
        return response

    async def _index(self, request: web.Request) -> web.Response:
        token = request.query.get("token")
        if token is None:
            return self._file(INDEX)
        # Servers and proxies on the way write queries to their logs; a fragment never leaves the browser.
        rest = request.rel_url.with_query([(name, text) for name, text in request.query.items() if name != "token"])
        query = f"?{rest.raw_query_string}" if rest.raw_query_string else ""
        return web.Response(status=303, headers={"Location": f"/{query}#token={quote(token, safe='')}"})

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
        made = await self._host.create(parse_call_request(await self._body(request)))
        servers = [server.as_dict() for server in self._ice_servers(made["session"])]
        return web.json_response({**made, "ice_servers": servers}, status=201)

    async def _state(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        self._check_rate(self._reads, call)
        state = await self._host.state(call, _number(request, "since"), self._limits.events)
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
        sdp = parse_offer(await self._body(request), self._limits.sdp)
        nearest = Scope.LOOPBACK if self._private_candidates else reachable_scope(request.remote)
        answer = await self._host.offer(request.match_info["call"], without_unreachable(sdp, nearest))
        return web.json_response({"sdp": answer, "type": "answer"})

    async def _consent(self, request: web.Request) -> web.Response:
        record = parse_consent(await self._body(request))
        return web.json_response(await self._host.consent(request.match_info["call"], record))

    async def _export(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        self._check_rate(self._exports, request.match_info["call"])
        media_type, text = await self._host.export(request.match_info["call"], name)
        return web.Response(
            body=await asyncio.to_thread(text.encode, "utf-8", "replace"),
            content_type=media_type,
            charset="utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def _recording(self, request: web.Request) -> web.StreamResponse:
        call, offset = request.match_info["call"], 0
        self._check_rate(self._exports, call)
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

    def _check_rate(self, limiter: RateLimiter, call: str) -> None:
        if not limiter.take(call):
            raise CallError("too many requests for this call: wait a little", "busy", limiter.wait(call))

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
    """Raises HTTPBadRequest on text that is not JSON, or is nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest(text="the body is not JSON") from None


def _number(request: web.Request, name: str) -> int:
    """A number in the query; 0 if absent. Raises HTTPBadRequest."""
    text = request.query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 12):
        raise web.HTTPBadRequest(text=f"{name}: must be a number of an event")
    return int(text)


def _charset(media_type: str) -> str | None:
    return "utf-8" if media_type.startswith("text/") or media_type == "application/json" else None


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
