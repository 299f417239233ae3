"""How many calls a core carries: calls added one by one until the server refuses one, and what it gives up when.

    python -m tests.benchmarks.calls_per_core [--engines real|none] [--restore TASK] [--calls 24] [--hold 8]

A server in a process of its own; the callers are real WebRTC peers in this one. Pin them where the machine is quiet.
Each plays the bundled demo conversation from another place on, round and round. After each added call, over the last
seconds: what the server and the recognizer's processes took of a core, the 95th percentile of frame lateness, memory,
and what was shed. --engines none: the loop and the transport alone, with engines that do nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import subprocess
import sys
from importlib import resources
from typing import Any

import aiohttp
import numpy as np
import psutil

from duplex.audio_files.reader import open_recording
from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.http.auth import Gate
from duplex.serving.http.limits import Limits
from duplex.serving.http.server import Address, Server
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.transport.webrtc import WebRtcPeer
from tests.benchmarks.report import quantile, table, versions
from tests.duplex.serving.scripted import engines

TOKEN = "the token of the benchmark"

HEADER = ["calls", "server % core", "recognizer %", "late p95 ms", "worst", "missed %", "MB", "MB a call", "shed"]


async def serve(kind: str, calls: int, never_shed: bool) -> None:
    """The server's process: prints its port, and ends when its input does."""
    clock, limits = SystemClock(), Limits(calls=calls)
    made = engines() if kind == "none" else None
    shedder = Shedder(late=60.0 if never_shed else Shedder().late)
    async with (
        InProcessHost(
            Settings(), (lambda _: WebRtcPeer(clock)), clock=clock, limits=limits, engines=made, shedder=shedder
        ) as host,
        Server(host, Gate(TOKEN), Address(port=0), limits=limits, page={}) as server,
    ):
        print(server.port, flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        await reader.read()


class Caller:
    """A browser's part: plays the recording, and counts what it hears and misses."""

    def __init__(self, client: aiohttp.ClientSession, base: str, audio: np.ndarray, offset: int) -> None:
        self.heard = 0
        self.concealed = 0
        self._client = client
        self._base = base
        self._audio = np.roll(audio, -offset)
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, wish: dict[str, Any]) -> str | None:
        """None, or why the server refuses."""
        async with self._client.post(f"{self._base}/api/sessions", json=wish) as response:
            made = await response.json()
            if response.status != 201:
                return f"{response.status}: {made['error']}"
        self._clock = SystemClock()
        self._peer = WebRtcPeer(self._clock)
        self._one = f"{self._base}/api/sessions/{made['session']}"
        offer = {"type": "offer", "sdp": await self._peer.offer()}
        async with self._client.post(f"{self._one}/offer", json=offer) as response:
            await self._peer.accept((await response.json())["sdp"])
        await self._peer.wait_connected()
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._listen())]
        return None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await self._client.delete(self._one)
            await self._peer.close()

    async def _speak(self) -> None:
        began, at = self._clock.now(), 0
        while True:
            await self._clock.sleep_until(began + at / SAMPLE_RATE)
            place = at % (len(self._audio) - FRAME)
            self._peer.play(self._audio[place : place + FRAME])
            at += FRAME

    async def _listen(self) -> None:
        async for chunk in self._peer.incoming():
            self.heard += 1
            self.concealed += chunk.concealed


async def load(client: aiohttp.ClientSession, base: str) -> tuple[float, list[str]]:
    """(95th percentile of lateness in ms, what is shed)."""
    async with client.get(f"{base}/metrics") as response:
        text = await response.text()
    late = re.search(r"^duplex_frame_lateness_p95_seconds\S* (\S+)", text, re.M)
    shed = re.findall(r'^duplex_shed\{.*step="([^"]+)"\} 1\.0', text, re.M)
    return 1000 * float(late.group(1)) if late else float("nan"), shed


async def measure(args: argparse.Namespace, port: int, process: psutil.Process) -> None:
    with resources.as_file(resources.files("duplex") / "data" / "demo.flac") as path:
        audio = np.concatenate([block[:, 0] for block in open_recording(path).frames(SAMPLE_RATE)])
    base = f"http://127.0.0.1:{port}"
    rows: list[list[Any]] = []
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as client:
        callers: list[Caller] = []
        bare = process.memory_info().rss / 2**20
        for wanted in range(0, args.calls + 1, args.step):
            refusal = None
            while len(callers) < wanted and refusal is None:
                caller = Caller(client, base, audio, len(callers) * 7 * SAMPLE_RATE)
                refusal = await caller.open({"settings": {"restore": args.restore}} if args.restore else {})
                if refusal is None:
                    callers.append(caller)
            await asyncio.sleep(args.hold / 4)
            cpu, workers, wall = _cpu(process), _cpu_of_children(process), SystemClock().now()
            before = sum(c.heard for c in callers), sum(c.concealed for c in callers)
            late, shed = [], []
            until = wall + 0.75 * args.hold
            while SystemClock().now() < until:
                await asyncio.sleep(0.5)
                now, shed = await load(client, base)
                late.append(now)
            took = SystemClock().now() - wall
            heard = sum(c.heard for c in callers) - before[0]
            missed = sum(c.concealed for c in callers) - before[1]
            rss = process.memory_info().rss / 2**20
            rows.append(
                [
                    len(callers),
                    100 * (_cpu(process) - cpu) / took,
                    100 * max(0.0, _cpu_of_children(process) - workers) / took,
                    quantile(late, 0.5),
                    max(late),
                    100 * missed / max(1, heard),
                    rss,
                    (rss - bare) / max(1, len(callers)),
                    ", ".join(shed) or "nothing",
                ]
            )
            if refusal is not None:
                print(f"call {len(callers) + 1} is refused: {refusal}")
                break
        print(table(HEADER, rows), flush=True)
        for caller in callers:
            await caller.close()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _cpu_of_children(process: psutil.Process) -> float:
    total = 0.0
    for child in process.children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += _cpu(child)
    return total


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--engines", choices=("real", "none"), default="real")
    parser.add_argument("--restore", default="", help="ask for restoration: enhance, …")
    parser.add_argument("--calls", type=int, default=24)
    parser.add_argument("--step", type=int, default=1, help="calls added at a time")
    parser.add_argument("--hold", type=float, default=8.0, help="seconds that each number of calls is held")
    parser.add_argument("--never-shed", action="store_true", help="give nothing up: what the calls cost, all included")
    parser.add_argument("--pin", action="store_true", help="the server on one core, the callers on the others")
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if args.serve:
        asyncio.run(serve(args.engines, args.calls, args.never_shed))
        return 0
    print(versions(["aiortc", "aiohttp", "numpy", "onnxruntime", "pocketsphinx"]))
    print(f"load of the machine before: {os.getloadavg()[0]:.1f}")
    command = [sys.executable, "-m", "tests.benchmarks.calls_per_core", "--serve", "--engines", args.engines]
    command += ["--calls", str(args.calls), *(["--never-shed"] if args.never_shed else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin is not None and server.stdout is not None
        try:
            port = int(server.stdout.readline())
            if args.pin:
                os.sched_setaffinity(server.pid, cores[-1:])
                os.sched_setaffinity(0, cores[:-1] or cores)
            asyncio.run(measure(args, port, psutil.Process(server.pid)))
        finally:
            server.stdin.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
