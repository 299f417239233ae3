"""A Wyoming server over scripted engines, and the package's own client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.client import AsyncTcpClient
from wyoming.event import Event, Eventable

from duplex.serving.audio.jobs import AudioEngines
from duplex.serving.audio.limits import AudioLimits
from duplex.serving.audio.service import AudioService
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.http.metrics import Metrics
from duplex.serving.http.server import Address
from duplex.serving.wyoming.server import WyomingServer
from duplex.serving.wyoming.wire import WyomingLimits
from duplex.settings import Settings
from duplex.streaming.clock import SystemClock
from duplex.testing import ScriptedRecognizer
from tests.duplex.serving.audio.programs import SCRIPT
from tests.duplex.serving.scripted import Peers, host


class AtOnce(ScriptedRecognizer):
    """Hears whole utterances."""

    def step(self, chunk: np.ndarray, state: Any) -> Any:
        _, state = super().step(chunk, state)
        return None, state


@dataclass
class Running:
    server: WyomingServer
    service: AudioService
    host: InProcessHost
    metrics: Metrics

    @asynccontextmanager
    async def client(self) -> AsyncIterator[Client]:
        async with AsyncTcpClient("127.0.0.1", self.server.port, read_timeout=20.0) as client:
            yield Client(client)

    async def raw(self, *pieces: bytes, eof: bool = False) -> bytes:
        """All that the server says to bytes that are written as they are."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.server.port)
        for piece in pieces:
            writer.write(piece)
        if eof:
            writer.write_eof()
        async with asyncio.timeout(20.0):
            told = await reader.read()
        writer.close()
        return told

    def counted(self, route: str, status: str) -> float:
        return self.metrics.requests.labels(route, status)._value.get()

    def busy(self) -> int:
        return self.service.jobs._present


@dataclass
class Client:
    """Of the package, and what each test does with it."""

    wire: AsyncTcpClient

    async def send(self, *events: Eventable) -> None:
        for event in events:
            await self.wire.write_event(event.event())

    async def until(self, *kinds: str) -> list[Event]:
        """The events up to the first of these kinds, or the end of the connection."""
        told: list[Event] = []
        while (event := await self.wire.read_event()) is not None:
            told.append(event)
            if event.type in kinds:
                break
        return told

    async def speak(
        self, samples: np.ndarray, rate: int = 16_000, width: int = 2, channels: int = 1, pace: float = 0.0
    ) -> None:
        """samples: (n,) in [-1, 1], in chunks of 64 ms. pace: seconds that a second of sound takes at least."""
        form: dict[str, Any] = {"rate": rate, "width": width, "channels": channels}
        await self.send(AudioStart(**form))
        data = sound(samples, width, channels)
        size = round(0.064 * rate) * width * channels
        for at in range(0, len(data), size):
            await self.send(AudioChunk(audio=data[at : at + size], **form))
            await asyncio.sleep(0.064 * pace)
        await self.send(AudioStop())


def sound(samples: np.ndarray, width: int = 2, channels: int = 1) -> bytes:
    if width == 1:
        whole: np.ndarray = np.clip(np.rint(samples * 127 + 128), 0, 255).astype("u1")
    else:
        whole = np.rint(samples * (2 ** (8 * width - 1) - 128)).astype(f"<i{width}")
    return np.repeat(whole[:, None], channels, axis=1).tobytes()


@asynccontextmanager
async def wyoming(
    limits: WyomingLimits | None = None,
    audio_limits: AudioLimits | None = None,
    settings: Settings | None = None,
    **loaders: Any,
) -> AsyncIterator[Running]:
    """loaders: of AudioEngines, instead of the scripted engines of the calls."""
    settings = settings or Settings()
    patient = Shedder(late=1e9)  # a slow machine gives nothing up
    metrics = Metrics()
    async with host(Peers(), SystemClock(), shedder=patient, settings=settings) as held:
        steps = held.share("programs")
        held.engines.recognizer = ScriptedRecognizer(SCRIPT)
        hears = {"recognizer": lambda: AtOnce(SCRIPT)}
        engines = AudioEngines(settings, steps, None if loaders else held.engines, **(hears | loaders))
        async with (
            AudioService(held, settings, steps, limits=audio_limits, engines=engines) as service,
            WyomingServer(service, Address(port=0), metrics, limits) as server,
        ):
            yield Running(server, service, held, metrics)


def words(events: list[Event]) -> str:
    """What the chunks of a transcript say."""
    return "".join(event.data["text"] for event in events if event.type == "transcript-chunk")


def heard(events: list[Event]) -> np.ndarray:
    """(n,) float32 of all sound that came."""
    data = b"".join(event.payload or b"" for event in events if event.type == "audio-chunk")
    return np.frombuffer(data, "<i2").astype(np.float32) / 32768
