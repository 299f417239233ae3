"""Pages of other origins that the gate accepts may use the API: a browser lets them only where the answers say so.

Source: Fetch Standard, section 3.3 (the CORS protocol).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Middleware

from duplex.serving.http.api_errors import PREFIX
from duplex.serving.http.auth import Gate

_NAMES = re.compile(r"[A-Za-z0-9_, -]{1,500}")
"""Of headers that a page asks to send."""


def cross_origin(gate: Gate) -> Middleware:
    """What answers a browser's question before a request, and lets the page read the answer to it."""

    @web.middleware
    async def answer(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        theirs = origin is not None and gate.accepts_origin(origin, request.scheme, request.host)
        if origin is None or not theirs or not request.path.startswith(PREFIX):
            return await handler(request)
        allowed = {
            "Access-Control-Allow-Origin": origin,
            "Access-Control-Expose-Headers": "Location, Retry-After",
            "Vary": "Origin",
        }
        if request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers:
            names = request.headers.get("Access-Control-Request-Headers", "")
            allowed["Access-Control-Allow-Methods"] = "GET, POST"
            allowed["Access-Control-Allow-Headers"] = names if _NAMES.fullmatch(names) else "Authorization"
            return web.Response(status=204, headers=allowed)
        response = await handler(request)
        if not response.prepared:
            response.headers.update(allowed)
        return response

    return answer
