"""One browser's connection: audio both ways and a data channel, on aiortc.

Of aiortc we use the connection (ICE, DTLS, SRTP, SCTP). The audio is ours: packets go from its socket into our jitter
buffer, and to it as finished Opus packets, so no decoder thread, executor or unbounded queue of aiortc is in the way.
"""

from __future__ import annotations

import asyncio
import fractions
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import Clock
from duplex.streaming.errors import TransportError
from duplex.transport import messages, session_description
from duplex.transport.aiortc_surface import offer_loopback_when_alone, tap_audio
from duplex.transport.ice_server import IceServer
from duplex.transport.libopus import RTP_RATE, OpusEncoder
from duplex.transport.pacing import PERIOD, PacedOutput
from duplex.transport.receiving import AudioReceiver

try:
    import aiortc
    import av
    from aiortc.mediastreams import MediaStreamError
except ImportError as error:
    raise TransportError(f"calls need aiortc ({error}): pip install 'duplex[call]'") from None

CHANNEL = "events"
"""Label of the data channel that the page opens, and..."""
API_CHANNEL = "oai-events"
"""...the one that clients of the OpenAI Realtime API open."""

_TIME_BASE = fractions.Fraction(1, RTP_RATE)
_TICKS = round(PERIOD * RTP_RATE)
_FULL = 1 << 20
_STATS_PERIOD = 1.0
_CLOSE_LIMIT = 5.0


class WebRtcPeer:
    """One browser's connection. Audio in: mono 16 kHz on the pts clock; audio out: paced; one data channel.

        peer = WebRtcPeer(clock)
        answer = await peer.answer(offer)           # over HTTP
        async for chunk in peer.incoming(): ...     # peer.play(samples), peer.send(message), peer.flush()

    ice_servers: none is asked unless given. Everything runs on the event loop that made it. `offer` and `accept` are
    the other side of `answer`, for Python clients.
    """

    def __init__(self, clock: Clock, *, ice_servers: Sequence[IceServer] = ()) -> None:
        self._clock = clock
        self._inbox = messages.Inbox(clock)
        self._receiver = AudioReceiver(clock)
        self._output = PacedOutput(clock)
        self._encoder = OpusEncoder()
        self._channel: aiortc.RTCDataChannel | None = None
        self._closed = asyncio.Event()
        self._closing: asyncio.Task[None] | None = None
        self._connected = asyncio.Event()
        self._open = asyncio.Event()
        self._polling: asyncio.Task[None] | None = None
        self._rtt = 0.0
        self._loss = 0.0
        self._described = False
        self._unsent = 0
        offer_loopback_when_alone()
        self._pc = aiortc.RTCPeerConnection(
            aiortc.RTCConfiguration(
                iceServers=[
                    aiortc.RTCIceServer(list(s.urls), s.username or None, s.credential or None) for s in ice_servers
                ],
                bundlePolicy=aiortc.RTCBundlePolicy.MAX_BUNDLE,
            )
        )
        transceiver = self._pc.addTransceiver(_PacedTrack(self._output, self._encoder), "sendrecv")
        tap_audio(transceiver.receiver, self._receiver.packet)
        capabilities = aiortc.RTCRtpSender.getCapabilities("audio")
        transceiver.setCodecPreferences([c for c in capabilities.codecs if c.mimeType.lower() == "audio/opus"])
        self._pc.on("datachannel", self._adopt)
        self._pc.on("connectionstatechange", self._on_state)

    # Signalling.

    async def answer(self, sdp: str) -> str:
        """An offer's SDP to the answer's. Raises TransportError on an unusable offer, or a second one."""
        await self._describe(sdp, "offer")
        return await self._description("answer")

    async def offer(self, channel: str = CHANNEL) -> str:
        """The SDP of an offer of audio and the data channel of this label."""
        self._adopt(self._pc.createDataChannel(channel))
        return await self._description("offer")

    async def accept(self, sdp: str) -> None:
        """The SDP of the answer to our offer. Raises TransportError on an unusable one."""
        await self._describe(sdp, "answer")

    async def _describe(self, sdp: str, kind: str) -> None:
        session_description.check(sdp)
        if self._closing is not None or self._described:
            raise TransportError("the connection is closed or has its other side already: make a new one")
        self._described = True
        try:
            await self._pc.setRemoteDescription(aiortc.RTCSessionDescription(sdp, kind))
        except Exception as error:  # aiortc's parser raises whatever its input leads to
            await self.close()
            raise TransportError(f"the {kind} is unusable: {error or type(error).__name__}") from error

    async def _description(self, kind: str) -> str:
        try:
            make = self._pc.createAnswer if kind == "answer" else self._pc.createOffer
            await self._pc.setLocalDescription(await make())
        except Exception as error:
            await self.close()
            raise TransportError(f"no {kind} can be made: {error or type(error).__name__}") from error
        return session_description.with_opus_parameters(self._pc.localDescription.sdp)

    # Audio.

    def incoming(self) -> AsyncIterator[AudioChunk]:
        """The other side's voice: 20 ms at a time (320 samples), contiguous, from its first packet to the close.

        One reader at a time. Without packets the chunks go on, concealed; a slow reader loses the oldest (5 s).
        """
        return aiter(self._receiver)

    def play(self, samples: np.ndarray) -> None:
        """Append to the paced output: (n,) float32 at 16 kHz. Never waits; beyond 30 s of backlog samples are refused.

        Blocks of up to 60 ms are taken for a live source, kept close to the clock; a longer one is played to its end.
        Nothing is kept before the connection is up: there is nobody to hear it.
        """
        self._output.play(samples)

    def flush(self) -> None:
        """Drop what has not been sent (barge-in), but for a fade of 5 ms."""
        self._output.flush()

    # The data channel.

    def send(self, message: Mapping[str, Any]) -> bool:
        """JSON on the data channel; False if it is not open or its buffer is full. Raises ValueError on NaN,
        TransportError if the message is longer than the other side takes any."""
        channel = self._channel
        if channel is None or channel.readyState != "open" or channel.bufferedAmount > _FULL:
            self._unsent += 1
            return False
        text = messages.encode(message)
        try:
            channel.send(text)
        except ValueError as error:
            raise TransportError(f"a message of {len(text)} characters is more than the other side takes") from error
        return True

    def on_refused(self, told: Callable[[str], None]) -> None:
        """`told` takes why a message of the page is dropped, for each that is."""
        self._inbox.refused = told

    def messages(self) -> AsyncIterator[dict[str, Any]]:
        """JSON objects from the page, until the close. Oversize, too frequent and malformed ones are dropped."""
        return aiter(self._inbox)

    # Life.

    @property
    def connected(self) -> bool:
        return self._connected.is_set() and self._closing is None

    async def wait_connected(self) -> None:
        """Returns when media can flow. Raises TransportError if the connection closes before."""
        await self._first(self._connected, "the connection closed before it was up")

    async def wait_open(self) -> None:
        """Returns when messages can be sent. Raises TransportError if the connection closes before."""
        await self._first(self._open, "the connection closed before its data channel was open")

    async def _first(self, event: asyncio.Event, otherwise: str) -> None:
        waits = [asyncio.ensure_future(event.wait()), asyncio.ensure_future(self._closed.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._closed.is_set():
            raise TransportError(otherwise)

    async def wait_closed(self) -> None:
        """Returns when the connection has ended, by either side or by the network."""
        await self._closed.wait()

    async def close(self) -> None:
        """End the connection. Safe to call again."""
        if self._closing is None:
            self._closing = asyncio.create_task(self._close())
        await asyncio.shield(self._closing)

    def stats(self) -> dict[str, float]:
        """Figures of the connection so far.

        jitter_ms, depth_ms (how long a missing packet is waited for), rtt_ms; packets received, lost, recovered (from
        the next one's copy), late, duplicates, reordered; concealed (share of the audio made up); idle_s (since the
        last packet); loss_out (share of our packets that the other side misses); waiting_ms (not yet sent); messages
        dropped (in) and unsent (out).
        """
        buffer, now = self._receiver.buffer, self._clock.now()
        counters, last = buffer.counters, self._receiver.last_arrival
        return {
            "jitter_ms": 1000.0 * buffer.jitter,
            "depth_ms": 1000.0 * buffer.depth,
            "rtt_ms": 1000.0 * self._rtt,
            "received": float(counters.received),
            "lost": float(counters.lost),
            "recovered": float(self._receiver.recovered),
            "late": float(counters.late),
            "duplicates": float(counters.duplicates),
            "reordered": float(counters.reordered),
            "concealed": self._receiver.concealed / max(1, self._receiver.position),
            "idle_s": 0.0 if last is None else now - last,
            "loss_out": self._loss,
            "waiting_ms": 1000.0 * self._output.waiting / SAMPLE_RATE,
            "messages_dropped": float(self._inbox.dropped),
            "messages_unsent": float(self._unsent),
        }

    def _adopt(self, channel: aiortc.RTCDataChannel) -> None:
        if channel.label in (CHANNEL, API_CHANNEL) and self._channel is None:
            self._channel = channel
            channel.on("message", self._inbox.receive)
            if channel.readyState == "open":
                self._open.set()
            else:
                channel.on("open", self._open.set)
        else:
            channel.close()

    def _on_state(self) -> None:
        state = self._pc.connectionState
        if state == "connected":
            self._connected.set()
            if self._polling is None:
                self._polling = asyncio.create_task(self._poll())
        elif state in ("failed", "closed") and self._closing is None:
            self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        try:
            if self._polling is not None:
                self._polling.cancel()
            with suppress(Exception):  # aiortc stumbles over connections that were made by half
                async with asyncio.timeout(_CLOSE_LIMIT):
                    await self._pc.close()
        finally:
            self._receiver.close()
            self._inbox.close()
            self._closed.set()

    async def _poll(self) -> None:
        """What the other side reports of our packets; the copies that ride on them follow the loss."""
        while True:
            await asyncio.sleep(_STATS_PERIOD)
            for report in (await self._pc.getStats()).values():
                if report.type == "remote-inbound-rtp":
                    self._rtt = report.roundTripTime or 0.0
                    self._loss = report.fractionLost / 256
            self._encoder.expect_loss(self._loss)


class _PacedTrack(aiortc.MediaStreamTrack):
    """What aiortc's sender reads: finished packets, which it only encrypts and sends."""

    kind = "audio"

    def __init__(self, output: PacedOutput, encoder: OpusEncoder) -> None:
        super().__init__()
        self._output = output
        self._encoder = encoder
        self._pts = 0

    async def recv(self) -> av.Packet:
        if self.readyState != "live":
            raise MediaStreamError
        packet = av.Packet(self._encoder.encode(await self._output.frame()))
        packet.pts = self._pts
        packet.time_base = _TIME_BASE
        self._pts += _TICKS
        return packet
