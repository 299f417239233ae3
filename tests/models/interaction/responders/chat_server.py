"""A real HTTP server in the test's process that speaks OpenAI's chat protocol, with whatever fault a test wants."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web

Script = Callable[[web.Request, web.StreamResponse], Awaitable[None]]


def event(content: object = None, finish: str | None = None, **delta: object) -> bytes:
    """One event of a streamed completion."""
    fields = {**delta, **({} if content is None else {"content": content})}
    return f"data: {json.dumps({'choices': [{'index': 0, 'delta': fields, 'finish_reason': finish}]})}\n\n".encode()


class ChatServer:
    """`script` writes the body of each completion; `bodies` and `headers` are what was asked."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script
        self.models: object = {"data": [{"id": "tiny"}, {"id": "large"}]}
        self.content_type = "text/event-stream"
        self.bodies: list[dict] = []
        self.headers: list[dict[str, str]] = []
        self.left = asyncio.Event()
        """A client went away before its answer was complete."""
        self.asked = asyncio.Event()
        self.url = ""

    async def list_models(self, request: web.Request) -> web.Response:
        return web.json_response(self.models)

    async def complete(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.headers.append(dict(request.headers))
        self.asked.set()
        response = web.StreamResponse(headers={"Content-Type": self.content_type})
        await response.prepare(request)
        try:
            assert self.script is not None
            await self.script(request, response)
        except (ConnectionError, asyncio.CancelledError):
            self.left.set()
            raise
        return response


@asynccontextmanager
async def serving(server: ChatServer, *, refuse: tuple[int, str] | None = None) -> AsyncIterator[ChatServer]:
    """Runs the server on a free port; refuse: (status, body) of every completion."""

    async def refusing(request: web.Request) -> web.Response:
        assert refuse is not None
        return web.Response(status=refuse[0], text=refuse[1])

    app = web.Application()
    app.router.add_get("/v1/models", server.list_models)
    app.router.add_post("/v1/chat/completions", refusing if refuse else server.complete)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{site._server.sockets[0].getsockname()[1]}/v1"
    try:
        yield server
    finally:
        await runner.cleanup()
