"""A connection that does what a test says, and a host of such calls with scripted engines."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import Any

import numpy as np

from duplex.engines import Engines
from duplex.models.translation import Translator
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import Clock
from duplex.streaming.errors import TransportError
from duplex.streaming.queues import BoundedQueue
from duplex.testing import Answer, ScriptedAnswerer, ScriptedRecognizer, ScriptedSynthesizer, ScriptedVad
from duplex.testing.fakes import UserScript, UserSpeech

OFFER = "v=0\r\nscripted"


class ScriptedPeer:
    """The page's end is in the test: `speak`, `ask`, `cut`, and what came in `played` and `told`."""

    def __init__(self) -> None:
        self.offers: list[str] = []
        self.played: list[np.ndarray] = []
        self.told: list[dict[str, Any]] = []
        self.closed = asyncio.Event()
        self.up = asyncio.Event()
        self.up.set()
        self._incoming: BoundedQueue[AudioChunk] = BoundedQueue(1000, "drop_oldest", "incoming")
        self._messages: BoundedQueue[dict[str, Any]] = BoundedQueue(1000, "drop_oldest", "messages")
        self._position = 0

    def speak(self, samples: np.ndarray) -> None:
        chunk = AudioChunk(self._position, samples)
        self._position = chunk.end
        if not self._incoming.closed:
            self._incoming.put_nowait(chunk)

    def ask(self, message: dict[str, Any]) -> None:
        self._messages.put_nowait(message)

    def cut(self) -> None:
        """The network is gone."""
        self.closed.set()
        self._incoming.close()
        self._messages.close()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [message for message in self.told if message["type"] == kind]

    @property
    def sound(self) -> np.ndarray:
        return np.concatenate(self.played) if self.played else np.zeros(0, np.float32)

    # duplex.serving.rooms.call.Peer

    async def answer(self, sdp: str) -> str:
        if not sdp.startswith("v=0"):
            raise TransportError("the session description does not begin with v=0")
        if "explode" in sdp:
            raise IndexError("a parser's own fault")
        self.offers.append(sdp)
        return "v=0\r\nanswer"

    def incoming(self) -> AsyncIterator[AudioChunk]:
        return aiter(self._incoming)

    def play(self, samples: np.ndarray) -> None:
        self.played.append(samples.copy())

    def send(self, message: Mapping[str, Any]) -> bool:
        self.told.append(dict(message))
        return not self.closed.is_set()

    def on_refused(self, told: Callable[[str], None]) -> None:
        pass

    def messages(self) -> AsyncIterator[dict[str, Any]]:
        return aiter(self._messages)

    def stats(self) -> dict[str, float]:
        return {"jitter_ms": 1.0, "rtt_ms": float("nan")}

    async def wait_connected(self) -> None:
        await self.up.wait()

    async def wait_closed(self) -> None:
        await self.closed.wait()

    async def close(self) -> None:
        self.cut()


class Peers:
    """A factory that remembers what it made."""

    def __init__(self) -> None:
        self.made: dict[str, list[ScriptedPeer]] = {}

    def __call__(self, call: str) -> ScriptedPeer:
        peer = ScriptedPeer()
        self.made.setdefault(call, []).append(peer)
        return peer

    def of(self, call: str) -> ScriptedPeer:
        return self.made[call][-1]


def engines(
    sounds: list[UserSpeech] | None = None,
    answers: list[Answer] | None = None,
    translator: Translator | None = None,
    languages: Sequence[str] = (),
) -> Engines:
    """languages: that the same recognizer hears beside English."""
    recognizer = ScriptedRecognizer(UserScript(tuple(sounds or ())))
    return Engines(
        vad=ScriptedVad(),
        recognizer=recognizer,
        answerer=ScriptedAnswerer(answers or [Answer("all right")]),
        synthesizer=ScriptedSynthesizer(),
        translator=translator,
        recognizers=dict.fromkeys(languages, recognizer),
    )


def host(
    peers: Peers,
    clock: Clock,
    sounds: list[UserSpeech] | None = None,
    answers: list[Answer] | None = None,
    *,
    limits: Limits | None = None,
    settings: Settings | None = None,
    translator: Translator | None = None,
    languages: Sequence[str] = (),
    **more: Any,
) -> InProcessHost:
    made = engines(sounds, answers, translator, languages)
    return InProcessHost(settings or Settings(), peers, clock=clock, limits=limits, engines=made, **more)


async def join(host: InProcessHost, peers: Peers, room: str, people: Mapping[str, str]) -> dict[str, ScriptedPeer]:
    """The connections of people in one room, by name. people: the language that each of them speaks."""
    joined = {}
    for name, language in people.items():
        made = await host.create(CallRequest(name, room, speaks=language))
        await host.offer(made["session"], OFFER)
        joined[name] = peers.of(made["session"])
    return joined


async def speak(clock: Clock, voices: Mapping[ScriptedPeer, np.ndarray], seconds: float | None = None) -> None:
    """Each peer's sound at the pace of the clock, silence after it; all of them side by side."""
    length = max((len(samples) for samples in voices.values()), default=0)
    frames = round((seconds if seconds is not None else length / SAMPLE_RATE) * SAMPLE_RATE / FRAME)
    began = clock.now()
    for number in range(frames):
        await clock.sleep_until(began + (number + 1) * FRAME / SAMPLE_RATE)
        for peer, samples in voices.items():
            frame = np.zeros(FRAME, np.float32)
            piece = samples[number * FRAME : (number + 1) * FRAME]
            frame[: len(piece)] = piece
            peer.speak(frame)


def script(*sounds: UserSpeech) -> tuple[list[UserSpeech], np.ndarray]:
    """The sounds, and the audio in which they are."""
    return list(sounds), UserScript(tuple(sounds)).audio()
