"""What stands between a client and a server's `/v1/realtime`, passes every event on as it is, and keeps it."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import aiohttp
from aiohttp import WSMsgType, web

Side = Literal["client", "server"]

Socket = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


class Recorded:
    """address: of the proxy's page. events: (who sent it, the event), in order."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.events: list[tuple[Side, dict[str, Any]]] = []
        self.times: list[float] = []

    def __str__(self) -> str:
        """Without sound, a line each."""
        told = [
            f"{at - self.times[0]:7.2f} {side}: {event}"
            for at, (side, event) in zip(self.times, self.events, strict=True)
            if "audio" not in event and "audio.delta" not in event["type"]
        ]
        return "\n".join(told)

    def of(self, kind: str, side: Side = "server") -> list[dict[str, Any]]:
        return [event for sender, event in self.events if sender == side and event["type"] == kind]


@asynccontextmanager
async def recording(address: str) -> AsyncIterator[Recorded]:
    """address: of the server's page, "http://HOST:PORT/"."""
    recorded = Recorded("")

    async def pass_on(source: Socket, sink: Socket, side: Side) -> None:
        async for message in source:
            if message.type is WSMsgType.TEXT:
                recorded.times.append(time.monotonic())
                recorded.events.append((side, json.loads(message.data)))
                await sink.send_str(message.data)
        await sink.close()

    async def converse(request: web.Request) -> web.WebSocketResponse:
        protocols = [each.strip() for each in request.headers.get("Sec-WebSocket-Protocol", "").split(",") if each]
        key = {name: request.headers[name] for name in ("Authorization",) if name in request.headers}
        below = web.WebSocketResponse(protocols=("realtime",), max_msg_size=0)
        async with (
            aiohttp.ClientSession(headers=key) as http,
            http.ws_connect(f"{address}v1/realtime?{request.query_string}", protocols=protocols, max_msg_size=0) as up,
        ):
            await below.prepare(request)
            await asyncio.gather(pass_on(below, up, "client"), pass_on(up, below, "server"))
        return below

    app = web.Application()
    app.router.add_get("/v1/realtime", converse)
    runner = web.AppRunner(app, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        recorded.address = f"http://{host}:{port}/"
        yield recorded
    finally:
        await runner.cleanup()
