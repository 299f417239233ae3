"""Round trips of a real call through a bad network: Duplex's echo, and raw aiortc's beside it, over UDP on loopback.

python -m tests.benchmarks.impaired_call [--seed 1] [--only TEXT]

Every datagram between the client and the echo passes a relay that loses, delays and reorders it: 4 s untouched, 6 s
disturbed, 7 s untouched. A burst of tone is sent three times a second; the time runs to its return. Both echoes are
called at the same time by the same client, Duplex's, which adds next to nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import sys
import time
from collections.abc import Callable

import numpy as np

from duplex.streaming.clock import SystemClock
from duplex.transport.webrtc import WebRtcPeer
from tests.benchmarks.report import quantile, table, versions
from tests.benchmarks.round_trip import Echo, Probe, paced

SETTLE, BEGIN, END, LENGTH = 2.0, 4.0, 10.0, 17.0
EVERY = 0.33
PATH = 0.005
NEAR = 0.02

Network = Callable[[np.random.Generator, float], float | None]
"""Random numbers and the seconds since the start of the disturbance to the extra delay of a datagram; None: lost."""


class Burst:
    """Gilbert's model of loss."""

    def __init__(self, share: float, length: float = 4.0) -> None:
        self.share, self.length, self.bad = share, length, False

    def __call__(self, rng: np.random.Generator, at: float) -> float | None:
        chance = 1 - 1 / self.length if self.bad else self.share / (1 - self.share) / self.length
        self.bad = bool(rng.random() < chance)
        return None if self.bad else 0.0


class OneLost:
    """A single datagram of those in the middle."""

    def __init__(self) -> None:
        self.done = False

    def __call__(self, rng: np.random.Generator, at: float) -> float | None:
        lost = not self.done and at > 3.0
        self.done = self.done or lost
        return None if lost else 0.0


NETWORKS: dict[str, Callable[[], Network]] = {
    "untouched": lambda: lambda rng, at: 0.0,
    "one packet lost": OneLost,
    "loss 1 %": lambda: lambda rng, at: None if rng.random() < 0.01 else 0.0,
    "loss 10 %": lambda: lambda rng, at: None if rng.random() < 0.10 else 0.0,
    "loss 5 %, bursts of 4": lambda: Burst(0.05),
    "jitter 0-80 ms, reordered": lambda: lambda rng, at: rng.uniform(0.0, 0.08),
    "stall 2 s at the end": lambda: lambda rng, at: max(0.0, END - BEGIN - at) if at > END - BEGIN - 2.0 else 0.0,
}


class Relay:
    """Two sockets back to back: what the one receives leaves by the other, when the network lets it."""

    def __init__(self, make: Callable[[], Network], seed: int) -> None:
        self.began: float | None = None
        self.sides = [_Side(self, make(), np.random.default_rng(seed + n)) for n in (0, 1)]

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        for side in self.sides:
            await loop.create_datagram_endpoint(lambda side=side: side, local_addr=("127.0.0.1", 0))
        first, second = self.sides
        first.other, second.other = second, first

    def close(self) -> None:
        for side in self.sides:
            side.transport.close()

    def through(self, sdp: str, sender: int) -> str:
        """A description whose one address is the relay's; `sender` is the side that faces who wrote it."""
        found = re.search(r"a=candidate:\S+ 1 udp \d+ (\d+\.\d+\.\d+\.\d+) (\d+) typ host", sdp)
        assert found is not None
        self.sides[sender].peer = (found[1], int(found[2]))
        address, port = self.sides[1 - sender].transport.get_extra_info("sockname")
        candidate = f"a=candidate:1 1 udp 2130706431 {address} {port} typ host"
        lines = [line for line in sdp.split("\r\n") if not line.startswith("a=candidate")]
        return "\r\n".join(f"{candidate}\r\n{line}" if line.startswith("a=ice-ufrag") else line for line in lines)


class _Side(asyncio.DatagramProtocol):
    def __init__(self, relay: Relay, network: Network, rng: np.random.Generator) -> None:
        self.relay, self.network, self.rng = relay, network, rng
        self.other: _Side = self
        self.peer: tuple[str, int] | None = None

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:  # type: ignore[override]
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.peer = address
        began = self.relay.began
        at = time.perf_counter() - began - BEGIN if began is not None else -1.0
        sound = 128 <= data[0] < 192 and not 192 <= data[1] < 224  # RTP (RFC 7983, RFC 5761)
        extra = self.network(self.rng, at) if sound and 0.0 <= at < END - BEGIN else 0.0
        if extra is not None:
            asyncio.get_running_loop().call_later(PATH + extra, self.leave, data)

    def leave(self, data: bytes) -> None:
        if self.other.peer is not None and not self.other.transport.is_closing():
            self.other.transport.sendto(data, self.other.peer)


async def call(name: str, make: Callable[[], Network], seed: int) -> list[tuple[float, float]]:
    """(when, round trip) of each burst that came back, in seconds."""
    echo, relay, probe = await Echo.start(name, sys.executable), Relay(make, seed), Probe()
    peer = WebRtcPeer(SystemClock())
    trips: list[tuple[float, float]] = []

    async def listen() -> None:
        async for chunk in peer.incoming():
            probe.incoming(chunk.samples)

    tasks: list[asyncio.Task[None]] = []
    try:
        await relay.open()
        answer = (await echo.ask(sdp=relay.through(await peer.offer(), 0)))["sdp"]
        await peer.accept(relay.through(answer, 1))
        await peer.wait_connected()
        tasks = [asyncio.create_task(listen()), asyncio.create_task(paced(lambda: peer.play(probe.outgoing(320))))]
        await asyncio.sleep(SETTLE)
        relay.began = began = time.perf_counter()
        while (now := time.perf_counter() - began) < LENGTH:
            before = len(probe.taken)
            await probe.fire()
            trips += [(now, taken) for taken in probe.taken[before:]]
            await asyncio.sleep(EVERY)
    finally:
        for task in tasks:
            task.cancel()
        await peer.close()
        relay.close()
        await echo.stop()
    return trips


def row(name: str, who: str, trips: list[tuple[float, float]]) -> list[object]:
    def part(first: float, last: float) -> list[float]:
        return [1000.0 * taken for at, taken in trips if first <= at < last]

    base = quantile(part(0.0, BEGIN), 0.5)
    slow = [at + taken for at, taken in trips if at >= BEGIN and 1000.0 * (taken - NEAR) > base]
    last = max(slow, default=0.0) - END
    back = "never" if last > LENGTH - END - 1.5 else f"{max(0.0, last):.1f} s"
    during, after = part(BEGIN, END), part(END + 2.0, LENGTH)
    return [name, who, base, *(quantile(during, q) for q in (0.5, 0.95)), quantile(after, 0.5), back]


async def measure(seed: int, only: str) -> None:
    rows = []
    for name, make in NETWORKS.items():
        if only not in name:
            continue
        echoes = ("duplex", "aiortc")
        for who, trips in zip(echoes, await asyncio.gather(*(call(e, make, seed) for e in echoes)), strict=True):
            rows.append(row(name, who, trips))
    print(versions(["duplex", "aiortc", "av"]))
    print(f"seed {seed}; round trips in milliseconds, {2000 * PATH:.0f} of them the path's")
    print(table(["network, both ways", "echo by", "before", "during p50", "p95", "after", "back after"], rows))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", metavar="TEXT", default="", help="networks whose name has this in it")
    args = parser.parse_args()
    asyncio.run(measure(args.seed, args.only))
    return 0


if __name__ == "__main__":
    sys.exit(main())
