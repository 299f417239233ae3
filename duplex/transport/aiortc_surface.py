"""Everything that is used of aiortc beyond its documented interface, in one place.

aiortc hands every incoming audio packet to the `add` of a `JitterBuffer` that its receiver keeps to itself. That
buffer holds four packets (80 ms) and grows for good with the first one lost; ours is put in its place, takes the
packet, and hands nothing on, so neither aiortc's decoder nor its unbounded queue of frames ever has work.

aioice, below it, offers every address of the machine but the loopback one; a container or a laptop without a network
has no other. (There Chromium, for its part, connects only with `--allow-loopback-in-peer-connection`.)

`tests/duplex/transport/test_aiortc_surface.py` fails when a new aiortc changes what is relied on here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from duplex.streaming.errors import TransportError

if TYPE_CHECKING:
    from aiortc import RTCRtpReceiver

OnPacket = Callable[[int, int, int, bytes], None]
"""sequence number, timestamp, SSRC, payload."""

_JITTER_BUFFER = "_RTCRtpReceiver__jitter_buffer"
_HOST_ADDRESSES = "get_host_addresses"


class _Tap:
    """In the place of `aiortc.jitterbuffer.JitterBuffer`."""

    def __init__(self, on_packet: OnPacket) -> None:
        self._on_packet = on_packet

    def add(self, packet: Any) -> tuple[bool, None]:
        self._on_packet(packet.sequence_number, packet.timestamp, packet.ssrc, packet.payload)
        return False, None


def tap_audio(receiver: RTCRtpReceiver, on_packet: OnPacket) -> None:
    """Give every RTP packet of an audio receiver to `on_packet`, in order of arrival, and none to aiortc.

    Raises TransportError if the installed aiortc is built differently.
    """
    if not hasattr(getattr(receiver, _JITTER_BUFFER, None), "add"):
        import aiortc

        raise TransportError(f"aiortc {aiortc.__version__} keeps its jitter buffer elsewhere: install aiortc 1.16")
    setattr(receiver, _JITTER_BUFFER, _Tap(on_packet))


def offer_loopback_when_alone() -> None:
    """Let connections of a machine without any network use 127.0.0.1. With a network nothing changes.

    Raises TransportError if the installed aioice is built differently.
    """
    from aioice import ice

    addresses = getattr(ice, _HOST_ADDRESSES, None)
    if addresses is None:
        raise TransportError("the installed aioice lists a machine's addresses elsewhere: install aioice 0.13")
    if not isinstance(addresses, _WithLoopback):
        setattr(ice, _HOST_ADDRESSES, _WithLoopback(addresses))


class _WithLoopback:
    def __init__(self, addresses: Callable[..., list[str]]) -> None:
        self._addresses = addresses

    def __call__(self, *args: Any, **kwargs: Any) -> list[str]:
        return self._addresses(*args, **kwargs) or ["127.0.0.1"]
