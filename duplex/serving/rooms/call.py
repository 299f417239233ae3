"""One person in a call: the connection, which may be lost and made again, and what goes over it."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any, Protocol

import numpy as np

from duplex.serving.http.limits import Limits, TokenBucket
from duplex.serving.supervised_tasks import SupervisedTasks
from duplex.streaming.audio import FRAME, AudioChunk
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, DuplexError, TransportError

log = logging.getLogger(__name__)

LEVELS = 0.1
"""Seconds between two messages about levels, and..."""
STATS = 10
"""...how many of these there are to one about the connection."""

SILENCE_DB = -90.0


class Peer(Protocol):
    """A browser's connection, as far as a call needs it (duplex.transport.webrtc.WebRtcPeer)."""

    async def answer(self, sdp: str) -> str: ...

    def incoming(self) -> AsyncIterator[AudioChunk]: ...

    def play(self, samples: np.ndarray) -> None: ...

    def send(self, message: Mapping[str, Any]) -> bool: ...

    def on_refused(self, told: Callable[[str], None]) -> None: ...

    def messages(self) -> AsyncIterator[dict[str, Any]]: ...

    def stats(self) -> dict[str, float]: ...

    async def wait_connected(self) -> None: ...

    async def wait_closed(self) -> None: ...

    async def close(self) -> None: ...


class Audience(Protocol):
    """Who hears what comes from a call (its room)."""

    def heard(self, call: Call, frame: np.ndarray) -> None:
        """frame: (FRAME,) float32 at 16 kHz."""

    def connected(self, call: Call) -> None: ...

    def greeting(self, call: Call) -> list[dict[str, Any]]:
        """What a page is told first."""
        ...

    def disconnected(self, call: Call) -> None: ...

    async def asked(self, call: Call, message: Mapping[str, Any]) -> None: ...

    @property
    def latency_ms(self) -> float | None: ...


async def answered(peer: Peer, sdp: str, name: str) -> str:
    """Its answer to an offer. Raises TransportError on an unusable one, whatever the transport makes of it.

    name: of the connection, for the log.
    """
    try:
        return await peer.answer(sdp)
    except DuplexError:
        raise
    except Exception as error:
        log.warning("%s: an offer made the transport fail", name, exc_info=error)
        raise TransportError(f"the offer is unusable ({type(error).__name__})") from error


class Call:
    """id: made by the server. name: of the person. make_peer: a fresh connection, for each offer.

    `offer` may be called again at any time: the new connection takes the place of the old one as soon as it has
    answered.
    """

    wire = "page"

    def __init__(
        self, id: str, name: str, audience: Audience, make_peer: Callable[[], Peer], limits: Limits, clock: Clock
    ) -> None:
        self.id = id
        self.name = name
        self.seat = -1
        self.began = clock.now()
        self.alone_since: float | None = clock.now()
        """When the connection was lost; None while there is one."""
        self.over = False
        self.answered = 0
        """Offers that led to an answer."""
        self.unsent = 0
        self.refused = 0
        """Messages of the page that were not understood or came too often."""
        self._audience = audience
        self._make_peer = make_peer
        self._limits = limits
        self._clock = clock
        self._peer: Peer | None = None
        self._greeted = False
        self._tasks = SupervisedTasks(f"call {id[:6]}")
        self._closing = SupervisedTasks(f"call {id[:6]}")
        self._offering = asyncio.Lock()
        self._offers = TokenBucket(clock, rate=0.5, burst=5)
        self._messages = TokenBucket(clock, rate=10, burst=40)
        self.writings = TokenBucket(clock, rate=0.5, burst=5)
        """Turns that the person may type."""
        self._input = _Level()
        self._output = _Level()

    @property
    def online(self) -> bool:
        return self.alone_since is None

    async def offer(self, sdp: str) -> str:
        """A browser's offer to our answer. Raises TransportError on an unusable one, CallError if they come too fast
        or the call is over."""
        if not self._offers.take():
            raise CallError("too many connections are asked for: wait a little", "busy", retry_after=2.0)
        async with self._offering:
            if self.over:
                raise CallError("this call is over: begin a new one", "over")
            peer = self._make_peer()
            try:
                answer = await answered(peer, sdp, f"call {self.id[:6]}")
            except BaseException:
                await peer.close()
                raise
            old = await self._detach()
            if old is not None:  # its network may be gone, and the new one waits for its answer
                self._closing.spawn("closing a connection", old.close())
            self._peer, self._greeted = peer, False
            self.answered += 1
            for name, work in {
                "connection": self._connect(peer),
                "input": self._listen(peer),
                "messages": self._obey(peer),
                "reports": self._report(peer),
            }.items():
                self._tasks.spawn(name, work, lambda _: self.drop_connection(peer))
            return answer

    def play(self, samples: np.ndarray) -> None:
        """What this person hears next: (n,) float32 at 16 kHz, at the pace of the clock."""
        if self._peer is not None and self.online:
            self._output.add(samples)
            self._peer.play(samples)

    def tell(self, message: Mapping[str, Any]) -> None:
        """A message to the page, if it is there and has been greeted.

        One that cannot be sent is lost, and the page is greeted anew: from that it knows that it has missed something.
        """
        if self._peer is not None and self._greeted and not self._peer.send(message):
            self.unsent += 1
            self._greeted = False

    def stats(self) -> dict[str, float]:
        return self._peer.stats() if self._peer is not None else {}

    async def close(self) -> None:
        self.over = True
        peer = await self._detach()
        if peer is not None:
            self._closing.spawn("closing the connection", peer.close())
        await self._closing.join()

    def drop_connection(self, peer: Peer | None = None) -> None:
        """End the connection, or that one, as the network would: the page may make another."""
        peer = peer or self._peer
        if peer is not None:
            self._closing.spawn("closing a failed connection", peer.close())

    async def _connect(self, peer: Peer) -> None:
        """The life of one connection."""
        try:
            async with asyncio.timeout(self._limits.connecting):
                await peer.wait_connected()
            self.alone_since = None
            self._audience.connected(self)
            self._greet(peer)
            await peer.wait_closed()
        except (TimeoutError, TransportError) as error:
            log.info("call %s: no connection: %r", self.id[:6], str(error) or "it took too long")
            await peer.close()
        finally:
            if self._peer is peer:
                self._peer = None
                self._lost()

    async def _listen(self, peer: Peer) -> None:
        async for chunk in peer.incoming():
            if not self.online:
                continue
            self._input.add(chunk.samples)
            for at in range(0, len(chunk.samples) - FRAME + 1, FRAME):
                self._audience.heard(self, chunk.samples[at : at + FRAME])

    async def _obey(self, peer: Peer) -> None:
        async for message in peer.messages():
            if not self._messages.take():
                self.refused += 1
            elif message.get("type") == "ping":
                self.tell({"type": "pong", "t": message.get("t") if isinstance(message.get("t"), int | float) else 0})
            else:
                try:
                    await self._audience.asked(self, message)
                except DuplexError as error:
                    self.refused += 1
                    self.tell({"type": "notice", "text": str(error)})

    async def _report(self, peer: Peer) -> None:
        number = 0
        while True:
            await self._clock.sleep_until(self._clock.now() + LEVELS)
            if not self.online:
                continue
            if not self._greeted:  # the data channel opens some time after the connection is up
                self._greet(peer)
            self.tell({"type": "levels", "input": self._input.take(), "output": self._output.take()})
            number += 1
            if number % STATS == 0:
                latency = self._audience.latency_ms
                figures = {name: round(value, 3) for name, value in peer.stats().items() if math.isfinite(value)}
                known = {"latency_ms": round(latency, 1)} if latency is not None else {}
                self.tell({"type": "stats", **figures, **known})

    def _greet(self, peer: Peer) -> None:
        self._greeted = all(peer.send(message) for message in self._audience.greeting(self))

    def _lost(self) -> None:
        if self.online:
            self.alone_since = self._clock.now()
            self._audience.disconnected(self)

    async def _detach(self) -> Peer | None:
        """The connection there was, which is no longer listened to and is to be closed."""
        peer, self._peer = self._peer, None
        await self._tasks.cancel()
        if peer is not None:
            self._lost()
        return peer


class _Level:
    """RMS in dBFS of what was added since it was last asked for."""

    def __init__(self) -> None:
        self._power = 0.0
        self._count = 0

    def add(self, samples: np.ndarray) -> None:
        self._power += float(np.dot(samples, samples))
        self._count += len(samples)

    def take(self) -> float:
        power = self._power / self._count if self._count else 0.0
        self._power, self._count = 0.0, 0
        return round(max(SILENCE_DB, 10.0 * math.log10(power)), 1) if power > 0 else SILENCE_DB
