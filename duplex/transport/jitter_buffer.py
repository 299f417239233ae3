"""The jitter buffer: RTP packets in as they come, audio slots out in order, each exactly once, on the pts clock.

A loudspeaker needs a frame every 20 ms and so delays every packet by the depth of its buffer. Who listens here is a
session: it takes a frame early as gladly as on time. So what is next in order goes out at once, and the depth is how
long a *missing* packet is waited for: until the depth has passed since it should have come. Then the slot is
given up, with the packet after it if that has come, and time goes on. So jitter costs delay only where it hurts, and a
burst of it leaves none behind.

When a packet should have come is judged by transit times (R. Ramjee, J. Kurose, D. Towsley, H. Schulzrinne, "Adaptive
playout mechanisms for packetized audio applications in wide-area networks", INFOCOM 1994): a packet's arrival less its
timestamp. The least of the last packets is the network at rest, and the depth covers what any of them took beyond it.

Pure: no clock, no codec, no thread. All times are the caller's, in seconds; all positions are RTP ticks since the
first packet.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Literal

RATE = 48_000
"""RTP ticks per second."""

REST = 0.020
"""Seconds; the depth on a quiet network. One frame: by then the next packet has come, with its copy."""

DEEPEST = 0.200
"""Seconds; no missing packet is waited for longer."""

HUSH = 0.080
"""Seconds, at least, that a packet is waited for while nothing later has come either: then the network is held up
rather than the packet lost."""

SLACK = 0.005
"""Seconds on top, so that the packet that carries the copy is not missed by a scheduler's delay."""

WINDOW = 75
"""Packets whose transit counts: 1.5 s at 20 ms."""

PATIENCE = 0.3
"""Seconds during which everything comes too late before the stream itself is taken to have moved."""

_AHEAD = 1.0
_BEHIND = 10.0
_HELD = 512

Kind = Literal["packet", "lost", "silence"]


@dataclass(frozen=True, slots=True)
class Packet:
    """An RTP packet: 16-bit sequence number, 32-bit timestamp, the stream's id, the payload and its length in ticks.

    silent: the sender stops sending until there is something to hear (DTX).
    """

    sequence: int
    timestamp: int
    payload: bytes
    duration: int = 960
    ssrc: int = 0
    silent: bool = False


@dataclass(frozen=True, slots=True)
class Slot:
    """`duration` ticks of audio from `position`.

    "packet": the payload is the packet. "lost": the payload, if any, is the packet right after the gap, which may carry
    a copy of what is missing. "silence": the sender had nothing to send (DTX).
    """

    position: int
    duration: int
    kind: Kind
    payload: bytes | None = None


@dataclass(slots=True)
class Counters:
    """Packets received, reordered, doubled or too late; slots lost; jumps of the sender's clock."""

    received: int = 0
    reordered: int = 0
    duplicates: int = 0
    late: int = 0
    lost: int = 0
    jumps: int = 0


class JitterBuffer:
    """Ordered slots from packets in any order. `push` what arrives, then `pop`; `pop` again at `due`."""

    def __init__(self) -> None:
        self.counters = Counters()
        self.jitter = 0.0
        """Seconds; smoothed difference of transit times (RFC 3550, section 6.4.1)."""
        self.depth = REST
        """Seconds that a missing packet is waited for beyond its time."""
        self._held: dict[int, Packet] = {}
        self._next = 0
        self._ssrc: int | None = None
        self._retired: int | None = None
        self._anchor = (0, 0)  # position and timestamp of the newest packet: timestamps are unwrapped from there
        self._highest = 0
        self._sequence = 0
        self._frame = 960
        self._silent = False
        self._transits: deque[float] = deque(maxlen=WINDOW)
        self._floor = 0.0
        self._late_since: float | None = None
        self._played: deque[int] = deque(maxlen=256)

    @property
    def due(self) -> float | None:
        """When `pop` will have something although nothing arrives; None before the first packet."""
        if self._ssrc is None:
            return None
        wait = self.depth if self._held or self._silent else max(self.depth, HUSH)
        return self._floor + self._next / RATE + wait + SLACK

    def push(self, packet: Packet, arrival: float) -> bool:
        """Returns whether the packet is of use: neither too late nor a duplicate."""
        self.counters.received += 1
        if self._ssrc is None:
            self._begin(packet, arrival)
        elif packet.ssrc != self._ssrc:
            if packet.ssrc == self._retired:
                self.counters.late += 1
                return False
            self._retired = self._ssrc
            self._restart(packet, arrival)
        position = self._unwrap(packet.timestamp)
        ahead = position / RATE - (arrival - self._floor)
        if not -_BEHIND < ahead < _AHEAD:
            self._restart(packet, arrival)
            position = self._next
        if position < self._next:
            return self._too_late(packet, position, arrival)
        if position in self._held:
            self.counters.duplicates += 1
            return False
        self._late_since = None
        self._accept(packet, position, arrival)
        return True

    def pop(self, now: float | None = None) -> list[Slot]:
        """What can go out: packets in order, and, told the time, gaps whose time is up."""
        slots: list[Slot] = []
        while (due := self.due) is not None:
            following = min(self._held, default=None)
            overdue = now is not None and now >= due
            if following is None:
                if not overdue:
                    break
                slots.append(self._gap(self._frame, None))
            elif following == self._next:
                slots.append(self._packet(following))
            elif following < self._next:  # it overlaps what went out: a sender that contradicts itself
                del self._held[following]
                self.counters.late += 1
            else:
                packet, gap = self._held[following], following - self._next
                unsent = packet.sequence == (self._sequence + 1) & 0xFFFF  # nothing was sent in between
                if not (overdue or unsent or len(self._held) > _HELD):
                    break
                self._silent = self._silent or unsent
                slots.append(self._gap(min(gap, self._frame), packet.payload if gap <= self._frame else None))
        return slots

    def _begin(self, packet: Packet, arrival: float) -> None:
        """Our clock goes on where it stands; the packet is next on it."""
        self._ssrc = packet.ssrc
        self._anchor = (self._next, packet.timestamp)
        self._highest = packet.sequence
        self._sequence = (packet.sequence - 1) & 0xFFFF
        self._floor = arrival - self._next / RATE

    def _restart(self, packet: Packet, arrival: float) -> None:
        """The sender's clock, or its stream, is another one from here on."""
        self.counters.jumps += 1
        self._held.clear()
        self._transits.clear()
        self._played.clear()
        self._late_since = None
        self._silent = False
        self._begin(packet, arrival)

    def _unwrap(self, timestamp: int) -> int:
        position, newest = self._anchor
        return position + ((timestamp - newest + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _too_late(self, packet: Packet, position: int, arrival: float) -> bool:
        if packet.sequence in self._played:
            self.counters.duplicates += 1
            return False
        self.counters.late += 1
        self._measure(arrival - position / RATE)
        if self._late_since is None:
            self._late_since = arrival
        elif arrival - self._late_since >= PATIENCE:
            self._restart(packet, arrival)
            self._accept(packet, self._next, arrival)
            return True
        return False

    def _accept(self, packet: Packet, position: int, arrival: float) -> None:
        if (packet.sequence - self._highest) & 0xFFFF > 0x8000:
            self.counters.reordered += 1
        else:
            self._highest = packet.sequence
            self._anchor = (position, packet.timestamp)
        self._held[position] = packet
        self._measure(arrival - position / RATE)

    def _measure(self, transit: float) -> None:
        transits = self._transits
        self.jitter += (abs(transit - transits[-1]) - self.jitter) / 16 if transits else 0.0
        transits.append(transit)
        self._floor = min(transits)
        self.depth = max(REST, max(excess for t in transits if (excess := t - self._floor) <= DEEPEST))

    def _packet(self, position: int) -> Slot:
        packet = self._held.pop(position)
        self._sequence = packet.sequence
        self._frame = packet.duration
        self._silent = packet.silent
        self._played.append(packet.sequence)
        self._next = position + packet.duration
        return Slot(position, packet.duration, "packet", packet.payload)

    def _gap(self, duration: int, following: bytes | None) -> Slot:
        position = self._next
        self._next += duration
        if self._silent:
            return Slot(position, duration, "silence")
        self.counters.lost += 1
        return Slot(position, duration, "lost", following)
