"""Two peers of ours, and one of ours with a plain aiortc one, over the machine's own network."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from fractions import Fraction

import aiortc
import numpy as np
import pytest
from aiortc.contrib.media import MediaStreamTrack
from av import AudioFrame
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import TransportError
from duplex.transport.webrtc import IceServer, WebRtcPeer

OFFER = "\r\n".join(
    [
        "v=0",
        "o=- 4611 2 IN IP4 127.0.0.1",
        "s=-",
        "t=0 0",
        "a=group:BUNDLE 0 1",
        "a=msid-semantic: WMS *",
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 63 0",
        "c=IN IP4 0.0.0.0",
        "a=rtcp:9 IN IP4 0.0.0.0",
        "a=candidate:1 1 udp 2122194687 192.0.2.1 53959 typ host generation 0 network-id 1",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789abcdefghijklmn",
        "a=ice-options:trickle",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:actpass",
        "a=mid:0",
        "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
        "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
        "a=sendrecv",
        "a=msid:- 59009bd9",
        "a=rtcp-mux",
        "a=rtpmap:111 opus/48000/2",
        "a=rtcp-fb:111 transport-cc",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:63 red/48000/2",
        "a=fmtp:63 111/111",
        "a=rtpmap:0 PCMU/8000",
        "a=ssrc:1234 cname:x",
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        "a=ice-ufrag:abcd",
        "a=ice-pwd:0123456789abcdefghijklmn",
        "a=fingerprint:sha-256 " + ":".join(["AB"] * 32),
        "a=setup:actpass",
        "a=mid:1",
        "a=sctp-port:5000",
        "a=max-message-size:262144",
        "",
    ]
)
"""As Chromium makes it, shortened."""


@asynccontextmanager
async def call() -> AsyncIterator[tuple[WebRtcPeer, WebRtcPeer]]:
    clock = SystemClock()
    caller, callee = WebRtcPeer(clock), WebRtcPeer(clock)
    try:
        await caller.accept(await callee.answer(await caller.offer()))
        await asyncio.gather(caller.wait_connected(), callee.wait_connected())
        yield caller, callee
    finally:
        await asyncio.gather(caller.close(), callee.close())


def tone(seconds: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * 440 * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)


async def test_sound_and_messages_go_both_ways_and_closing_one_ends_the_other() -> None:
    async with call() as (caller, callee):
        for speaker, listener in ((caller, callee), (callee, caller)):
            incoming = listener.incoming()
            first = await anext(incoming)  # its sender has begun: what is played from here on is sent
            speaker.play(tone(0.5))
            chunks = [first]
            while sum(np.abs(c.samples).max() > 0.3 for c in chunks) < 20:
                chunks.append(await anext(incoming))
            assert [c.start for c in chunks] == [chunks[0].start + FRAME * n for n in range(len(chunks))]
            await speaker.wait_open()
            assert speaker.send({"type": "ping", "t": 1})
            assert await anext(listener.messages()) == {"type": "ping", "t": 1}
        stats = callee.stats()
        assert stats["received"] > 0
        assert all(isinstance(value, float) for value in stats.values())
        await caller.close()
        await callee.wait_closed()
        assert not callee.send({"type": "too late"})
        assert [m async for m in callee.messages()] == []
        callee.play(tone(0.1))
        callee.flush()


async def test_a_flush_is_heard_at_once() -> None:
    async with call() as (caller, callee):
        incoming = callee.incoming()
        await anext(incoming)
        caller.play(tone(10.0))
        loud = 0
        async for chunk in incoming:
            loud += np.abs(chunk.samples).max() > 0.3
            if loud == 10:
                caller.flush()
            if loud >= 10 and np.abs(chunk.samples).max() < 0.01:
                break
        assert loud < 30
        assert caller.stats()["waiting_ms"] == 0.0


async def test_a_plain_aiortc_peer_is_understood_and_understands() -> None:
    class Tone(MediaStreamTrack):
        kind = "audio"
        at = 0

        async def recv(self) -> AudioFrame:
            await asyncio.sleep(0.02)
            t = (self.at + np.arange(960)) / 48_000
            frame = AudioFrame.from_ndarray(
                (16_000 * np.sin(2 * np.pi * 440 * t)).astype(np.int16)[None], format="s16", layout="mono"
            )
            frame.sample_rate, frame.pts, frame.time_base = 48_000, self.at, Fraction(1, 48_000)
            self.at += 960
            return frame

    peer, plain = WebRtcPeer(SystemClock()), aiortc.RTCPeerConnection()
    tracks: asyncio.Queue[MediaStreamTrack] = asyncio.Queue()
    plain.on("track", tracks.put_nowait)
    plain.addTrack(Tone())
    try:
        await plain.setLocalDescription(await plain.createOffer())
        answer = await peer.answer(plain.localDescription.sdp)
        assert "useinbandfec=1" in answer
        await plain.setRemoteDescription(aiortc.RTCSessionDescription(answer, "answer"))
        incoming = peer.incoming()
        chunk = await anext(incoming)
        while np.abs(chunk.samples).max() < 0.3:
            chunk = await anext(incoming)
        peer.play(tone(2.0))
        track = await tracks.get()
        level = 0
        while level < 10_000:
            frame = await track.recv()
            level = np.abs(frame.to_ndarray()).max()
        assert not peer.send({"type": "no channel"})
    finally:
        await asyncio.gather(peer.close(), plain.close())


@pytest.mark.parametrize(
    "damage",
    [
        lambda sdp: "",
        lambda sdp: sdp[: len(sdp) // 3],
        lambda sdp: sdp.replace("a=ice-pwd", "a=nothing"),
        lambda sdp: sdp.replace("a=fingerprint:sha-256 ", "a=fingerprint:sha-256 zz"),
        lambda sdp: sdp.replace("a=setup:actpass", "a=setup:sideways"),
        lambda sdp: sdp.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        lambda sdp: sdp.replace("m=audio", "m=audio x y z"),
        lambda sdp: "".join(line for line in sdp.splitlines(True) if not line.startswith("m=application")),
    ],
)
async def test_a_damaged_offer_is_refused_in_one_line_or_answered(damage) -> None:
    caller, callee = WebRtcPeer(SystemClock()), WebRtcPeer(SystemClock())
    try:
        offer = damage(await caller.offer())
        try:
            assert (await callee.answer(offer)).startswith("v=0")
        except TransportError as error:
            assert "\n" not in str(error)
    finally:
        await asyncio.gather(caller.close(), callee.close())


async def test_a_second_offer_and_one_after_the_close_are_refused() -> None:
    clock = SystemClock()
    caller, callee = WebRtcPeer(clock), WebRtcPeer(clock)
    offer = await caller.offer()
    await callee.answer(offer)
    with pytest.raises(TransportError, match="make a new one"):
        await callee.answer(offer)
    await callee.close()
    await callee.wait_closed()
    with pytest.raises(TransportError, match="closed"):
        await callee.answer(offer)
    with pytest.raises(TransportError, match="before it was up"):
        await callee.wait_connected()
    await caller.close()
    await caller.close()


async def test_closing_leaves_no_task_behind() -> None:
    async with call() as (_, callee):
        await anext(callee.incoming())
    await asyncio.sleep(0.05)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    assert not left


async def test_ice_servers_are_passed_on() -> None:
    peer = WebRtcPeer(SystemClock(), ice_servers=[IceServer(("turn:127.0.0.1:9",), "user", "secret")])
    assert peer._pc.getTransceivers()
    await peer.close()


async def test_work_in_the_loops_default_executor_delays_no_sound() -> None:
    async with call() as (caller, callee):
        incoming = callee.incoming()
        await anext(incoming)
        release = threading.Event()
        loop = asyncio.get_running_loop()
        jobs = [loop.run_in_executor(None, release.wait) for _ in range(64)]  # more than it has threads
        try:
            caller.play(tone(0.5))
            while np.abs((await anext(incoming)).samples).max() < 0.3:
                pass
        finally:
            release.set()
            await asyncio.gather(*jobs)


@given(st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["drop", "double", "cut", "digits", "swap"])), max_size=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_a_garbled_offer_is_refused_in_one_line_or_answered(damages) -> None:
    lines = OFFER.split("\r\n")
    for place, damage in damages:
        at = min(int(place * len(lines)), len(lines) - 1)
        if damage == "drop":
            del lines[at]
        elif damage == "double":
            lines.insert(at, lines[at])
        elif damage == "cut":
            lines[at] = lines[at][: len(lines[at]) // 2]
        elif damage == "digits":
            lines[at] = "".join("9" if c.isdigit() else c for c in lines[at])
        else:
            lines[at], lines[0] = lines[0], lines[at]
        lines = lines or [""]
    peer = WebRtcPeer(SystemClock())
    try:
        assert (await peer.answer("\r\n".join(lines))).startswith("v=0")
    except TransportError as error:
        assert "\n" not in str(error)
    finally:
        await peer.close()
