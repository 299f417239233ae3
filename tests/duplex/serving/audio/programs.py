"""A server with the audio routes over scripted engines, and a plain client."""

from __future__ import annotations

import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import soundfile

from duplex.serving.audio.jobs import AudioEngines
from duplex.serving.audio.limits import AudioLimits
from duplex.serving.audio.routes import AudioRoutes
from duplex.serving.audio.service import AudioService
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.http.auth import Gate
from duplex.serving.http.server import Address, Server
from duplex.settings import Settings
from duplex.streaming.clock import SystemClock
from duplex.testing import ScriptedRecognizer, ScriptedSynthesizer, ScriptedVad
from duplex.testing.fakes import UserScript, UserSpeech
from tests.duplex.serving.scripted import Peers, host

TOKEN = "a token for tests"
SCRIPT = UserScript((UserSpeech(0.5, 1.5, "what time is it"), UserSpeech(3.0, 4.0, "thank you", speaker="guest")))
TEXT = "what time is it thank you"


def wav(samples: np.ndarray | None = None, rate: int = 16_000, format: str = "WAV") -> bytes:
    held = io.BytesIO()
    soundfile.write(held, SCRIPT.audio() if samples is None else samples, rate, format=format, subtype=None)
    return held.getvalue()


@dataclass
class Programs:
    server: Server
    host: InProcessHost
    service: AudioService
    client: aiohttp.ClientSession

    @property
    def base(self) -> str:
        return self.server.url() + "v1"

    async def ask(self, path: str, *, token: str = TOKEN, method: str = "POST", **more: Any) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {token}", **more.pop("headers", {})}
        async with self.client.request(method, self.base + path, headers=headers, **more) as response:
            self.headers = response.headers
            body = await response.read()
            return response.status, json.loads(body) if response.content_type == "application/json" else body

    async def hear(self, sound: bytes | None = None, route: str = "transcriptions", **fields: Any) -> tuple[int, Any]:
        form = aiohttp.FormData()
        for name, value in {"model": "whisper-1", **fields}.items():
            for each in value if isinstance(value, list) else [value]:
                form.add_field(name, each)
        form.add_field("file", wav() if sound is None else sound, filename="call.wav", content_type="audio/wav")
        return await self.ask(f"/audio/{route}", data=form)

    async def say(self, text: Any = "one two three", **fields: Any) -> tuple[int, Any]:
        body = {"model": "tts-1", "voice": "alloy", "input": text, **fields}
        return await self.ask("/audio/speech", json=body)


@asynccontextmanager
async def programs(
    limits: AudioLimits | None = None, settings: Settings | None = None, **loaders: Any
) -> AsyncIterator[Programs]:
    settings = settings or Settings()
    scripted = {
        "recognizer": lambda: ScriptedRecognizer(SCRIPT),
        "synthesizer": ScriptedSynthesizer,
        "vad": ScriptedVad,
        **loaders,
    }
    patient = Shedder(late=1e9)  # a slow machine gives nothing up
    async with host(Peers(), SystemClock(), shedder=patient) as held:
        steps = held.share("audio routes")
        engines = AudioEngines(settings, steps, **scripted)
        async with (
            AudioService(held, settings, steps, limits=limits, engines=engines) as service,
            AudioRoutes(service) as routes,
            Server(held, Gate(TOKEN), Address(port=0), page={}, more=[routes]) as server,
            aiohttp.ClientSession() as client,
        ):
            yield Programs(server, held, service, client)
