"""A network on paper: what was sent, when it arrives, and what a jitter buffer makes of it in virtual time."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Sequence

from duplex.transport.jitter_buffer import RATE, JitterBuffer, Packet, Slot

TICKS = 960
PERIOD = TICKS / RATE


def stream(
    count: int, *, sequence: int = 0, timestamp: int = 0, ssrc: int = 1, silent: Sequence[int] = ()
) -> list[Packet]:
    """Consecutive 20 ms packets; the payload is the packet's index."""
    return [
        Packet((sequence + i) % 2**16, (timestamp + i * TICKS) % 2**32, i.to_bytes(4, "big"), TICKS, ssrc, i in silent)
        for i in range(count)
    ]


def run(
    buffer: JitterBuffer, arrivals: Iterable[tuple[float, Packet]], until: float | None = None
) -> list[tuple[float, Slot]]:
    """What comes out and when, popped at every arrival and whenever something is due, to `until`."""
    events = [(at, index, packet) for index, (at, packet) in enumerate(arrivals)]
    heapq.heapify(events)
    end = until if until is not None else max(at for at, _, _ in events)
    out: list[tuple[float, Slot]] = []
    while True:
        due = buffer.due
        if events and (due is None or events[0][0] <= due):
            now, _, packet = heapq.heappop(events)
            buffer.push(packet, now)
        elif due is not None and due <= end:
            now = due
        else:
            return out
        out += [(now, slot) for slot in buffer.pop(now)]


def kinds(out: Iterable[tuple[float, Slot]]) -> list[str]:
    return [slot.kind for _, slot in out]
