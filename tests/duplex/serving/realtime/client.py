"""A client of the API that a test drives: plain WebSocket, every event kept."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np

import duplex
from duplex.engines import Engines
from duplex.serving.serve import Serving
from duplex.settings import Settings
from duplex.streaming.resample import resample

WAIT = 20.0
"""Seconds that an event may take on a busy machine."""


class Client:
    """seen: every event of the server, in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self.seen: list[dict[str, Any]] = []
        self._read = 0

    async def send(self, type: str, **fields: Any) -> None:
        await self.socket.send_str(json.dumps({"type": type, **fields}))

    async def speak(self, samples: np.ndarray, rate: int = 24_000) -> None:
        """samples: (n,) float32 at 16 kHz; sent at once, which the server plays in at the pace of the clock. A script's
        sound swings at half of its rate, which no other rate can carry: what is sent is its level."""
        whole = (np.clip(resample(np.abs(samples), 16_000, rate), -1, 1) * 32767).astype("<i2").tobytes()
        for at in range(0, len(whole), 24_000):
            await self.send("input_audio_buffer.append", audio=base64.b64encode(whole[at : at + 24_000]).decode())

    async def until(self, type: str, **wanted: Any) -> dict[str, Any]:
        """The next event of this type, those before it being read."""
        async with asyncio.timeout(WAIT):
            while True:
                while self._read < len(self.seen):
                    event = self.seen[self._read]
                    self._read += 1
                    if event["type"] == type and all(event.get(name) == value for name, value in wanted.items()):
                        return event
                message = await self.socket.receive()
                assert message.type is aiohttp.WSMsgType.TEXT, (message, [each["type"] for each in self.seen])
                self.seen.append(json.loads(message.data))

    async def error(self) -> dict[str, Any]:
        return (await self.until("error"))["error"]

    def types(self) -> list[str]:
        return [event["type"] for event in self.seen]

    def joined(self, type: str) -> str:
        return "".join(event["delta"] for event in self.seen if event["type"] == type)

    def sound(self) -> bytes:
        return b"".join(
            base64.b64decode(event["delta"]) for event in self.seen if event["type"] == "response.output_audio.delta"
        )


@asynccontextmanager
async def connected(
    engines: Engines, query: str = "", settings: Settings | None = None
) -> AsyncIterator[tuple[Client, Serving]]:
    async with duplex.serve(settings, port=0, engines=engines) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        headers = {"Authorization": f"Bearer {token}"}
        async with http.ws_connect(f"{address}v1/realtime{query}", headers=headers) as socket:
            client = Client(socket)
            await client.until("session.created")
            yield client, serving
