"""What is relied on of aiortc beyond its documentation. A failure here means: a new aiortc, look at aiortc_surface."""

from __future__ import annotations

import asyncio
from fractions import Fraction

import aiortc
import pytest
from aioice import ice
from aiortc.codecs.opus import OpusEncoder
from aiortc.jitterbuffer import JitterBuffer
from aiortc.rtp import RtpPacket
from av import Packet

from duplex.streaming.errors import TransportError
from duplex.transport.aiortc_surface import _JITTER_BUFFER, offer_loopback_when_alone, tap_audio


async def connection() -> tuple[aiortc.RTCPeerConnection, aiortc.RTCRtpReceiver]:
    pc = aiortc.RTCPeerConnection()
    return pc, pc.addTransceiver("audio").receiver


async def test_the_receiver_keeps_a_jitter_buffer_with_add() -> None:
    pc, receiver = await connection()
    assert isinstance(getattr(receiver, _JITTER_BUFFER), JitterBuffer)
    await pc.close()


async def test_every_packet_goes_to_the_tap_as_it_came_and_none_to_the_decoder() -> None:
    class Sender(aiortc.MediaStreamTrack):
        kind = "audio"
        sent = 0

        async def recv(self) -> Packet:
            await asyncio.sleep(0.005)
            packet = Packet(bytes([0xFC, self.sent % 256]))
            packet.pts, packet.time_base = 960 * self.sent, Fraction(1, 48_000)
            self.sent += 1
            return packet

    seen: list[tuple[int, int, int, bytes]] = []
    done = asyncio.Event()

    def take(*packet) -> None:
        seen.append(packet)
        if len(seen) == 20:
            done.set()

    caller, callee = aiortc.RTCPeerConnection(), aiortc.RTCPeerConnection()
    caller.addTrack(Sender())
    transceiver = callee.addTransceiver("audio")
    tap_audio(transceiver.receiver, take)
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)
    try:
        await done.wait()
        first = seen[0]
        numbers = [(p[0] - first[0]) & 0xFFFF for p in seen]
        assert numbers == sorted(numbers)
        for sequence, timestamp, ssrc, payload in seen:
            index = (sequence - first[0]) & 0xFFFF
            assert (timestamp - first[1]) & 0xFFFFFFFF == 960 * index
            assert payload == bytes([0xFC, (first[3][1] + index) % 256])
            assert ssrc == first[2]
        assert transceiver.receiver.track._queue.empty()
    finally:
        await caller.close()
        await callee.close()


async def test_a_track_may_hand_over_finished_packets() -> None:
    packet = Packet(b"opus")
    packet.pts, packet.time_base = 1920, Fraction(1, 48_000)
    assert OpusEncoder().pack(packet) == ([b"opus"], 1920)


async def test_packets_have_the_names_we_read() -> None:
    packet = RtpPacket(sequence_number=1, timestamp=2, ssrc=3, payload=b"4")
    assert (packet.sequence_number, packet.timestamp, packet.ssrc, packet.payload) == (1, 2, 3, b"4")


async def test_an_aiortc_built_differently_is_named() -> None:
    with pytest.raises(TransportError, match=f"aiortc {aiortc.__version__}.*install aiortc"):
        tap_audio(object(), print)  # type: ignore[arg-type]


@pytest.mark.parametrize(("there", "offered"), [([], "127.0.0.1"), (["127.0.0.2"], "127.0.0.2")])
async def test_a_machine_without_a_network_offers_its_loopback_address(monkeypatch, there, offered) -> None:
    monkeypatch.setattr(ice, "get_host_addresses", lambda **families: there)
    offer_loopback_when_alone()
    offer_loopback_when_alone()
    pc = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    pc.createDataChannel("x")
    await pc.setLocalDescription(await pc.createOffer())
    try:
        candidates = [line.split() for line in pc.localDescription.sdp.splitlines() if line.startswith("a=candidate")]
        assert {candidate[4] for candidate in candidates} == {offered}
    finally:
        await pc.close()


def test_an_aioice_built_differently_is_named(monkeypatch) -> None:
    monkeypatch.delattr(ice, "get_host_addresses")
    with pytest.raises(TransportError, match="install aioice"):
        offer_loopback_when_alone()
