"""Calls opened and closed by the hundred: what is left behind.

    python -m tests.benchmarks.call_churn [--calls 500] [--at-once 4] [--peers real|scripted] [--seconds 0.5]

Server and callers in one process, so that what either side forgets shows: tasks, file descriptors, threads, memory,
and the objects of a call. Some hang up by HTTP, some just go; a few of each come back on a second connection first.
"""

from __future__ import annotations

import argparse
import asyncio
import ctypes
import gc
import os
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import numpy as np
import psutil

from duplex.conversation.session import Session
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.room import Room
from duplex.settings import Settings
from duplex.streaming.audio import FRAME
from duplex.streaming.clock import SystemClock
from duplex.transport.webrtc import WebRtcPeer
from tests.benchmarks.report import table
from tests.duplex.serving.scripted import OFFER, Peers, engines

WARM_UP = 40


def look() -> dict[str, float]:
    """What there is now, garbage collected."""
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)  # what the allocator keeps for later is no leak
    process = psutil.Process()
    kinds = [type(each) for each in gc.get_objects()]
    return {
        "tasks": len(asyncio.all_tasks()),
        "file descriptors": process.num_fds(),
        "threads": threading.active_count(),
        "sessions": kinds.count(Session),
        "rooms": kinds.count(Room),
        "peers": kinds.count(WebRtcPeer),
        "objects": len(kinds),
        "memory MB": process.memory_info().rss / 2**20,
    }


async def one(host: InProcessHost, number: int, scripted: bool, seconds: float) -> None:
    id = (await host.create(CallRequest(f"caller {number}", "room" if number % 5 == 0 else "")))["session"]
    for _ in range(2 if number % 10 == 3 else 1):
        peer: Any = None
        if scripted:
            await host.offer(id, OFFER)
            await asyncio.sleep(seconds)
        else:
            peer = WebRtcPeer(SystemClock())
            await peer.accept(await host.offer(id, await peer.offer()))
            async with asyncio.timeout(20):
                await peer.wait_connected()
            for _ in range(round(seconds / 0.02)):
                peer.play(np.zeros(FRAME, np.float32))
                await asyncio.sleep(0.02)
            if number % 2:
                await peer.close()
    await host.close(id)
    if peer is not None:
        await peer.close()


async def churn(args: argparse.Namespace) -> int:
    clock = SystemClock()
    limits = Limits(calls=64, seats=8, keep_ended=0.0)
    scripted = args.peers == "scripted"
    factory = Peers() if scripted else (lambda _: WebRtcPeer(clock))
    failures = 0
    rows: list[tuple[str, dict[str, float]]] = []
    never = Shedder(late=60.0)  # both sides' handshakes are in this process: it is late, and may be
    async with InProcessHost(Settings(), factory, clock=clock, limits=limits, engines=engines(), shedder=never) as host:
        numbers = iter(range(WARM_UP + args.calls))
        began, done = time.perf_counter(), 0

        async def work(until: int) -> None:
            nonlocal failures, done
            while done < until:
                number = next(numbers)
                done += 1
                try:
                    await one(host, number, scripted, args.seconds)
                except Exception as error:
                    failures += 1
                    print(f"call {number}: {type(error).__name__}: {error}", file=sys.stderr)
                if isinstance(factory, Peers):
                    factory.made.clear()

        steps = [WARM_UP, *(WARM_UP + args.calls * part // 5 for part in range(1, 6))]
        for step in steps:
            await asyncio.gather(*(work(step) for _ in range(args.at_once)))
            await asyncio.sleep(2.0)  # aiortc's own timers, and ended calls being forgotten
            rows.append((f"after {step}", look()))
        took = time.perf_counter() - began
    names = list(rows[0][1])
    print(table(["", *names], [[label, *(f"{seen[name]:.0f}" for name in names)] for label, seen in rows]))
    print(f"{WARM_UP + args.calls} calls in {took:.0f} s, {failures} failed; load {os.getloadavg()[0]:.1f}")
    first, last = rows[0][1], rows[-1][1]
    leaks = [name for name in ("tasks", "file descriptors", "sessions", "rooms", "peers") if last[name] > first[name]]
    print(f"leaked: {', '.join(leaks) or 'nothing'}")
    return 1 if leaks or failures else 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=4)
    parser.add_argument("--peers", choices=("real", "scripted"), default="real")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a call")
    return asyncio.run(churn(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
