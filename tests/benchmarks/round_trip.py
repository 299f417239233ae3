"""Round trip of an echo over WebRTC on loopback: Duplex, raw aiortc and, where they are installed, FastRTC and pipecat.

python -m tests.benchmarks.round_trip [--peers fastrtc=PYTHON pipecat=PYTHON] [--connections 3] [--probes 5]

A client sends a burst of tone in a 20 ms frame; the time runs from handing it that frame to its giving back one with
the burst in it. Each echo runs in a process of its own and is called by two clients: a plain aiortc one at 48 kHz,
which holds what it receives for 80 ms itself, and Duplex's own, which adds next to nothing: its rows compare the
echoes alone. Raw aiortc at both ends is what aiortc's users have, Duplex at both ends what a Python client of Duplex
has; a browser lies between.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from aiortc import MediaStreamTrack, RTCPeerConnection, RTCSessionDescription
from av import AudioFrame

from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import TransportError
from duplex.transport.webrtc import WebRtcPeer
from tests.benchmarks.report import quantile, table, versions

SCRIPT = Path(__file__).with_name("echo_peer.py")
PERIOD = 0.02
AUDIBLE = 0.1
WARM_UP = 2.0
GAP = 0.6


class Echo:
    """The echo of one framework in a process of its own."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process

    @classmethod
    async def start(cls, name: str, python: str) -> Echo:
        if name == "duplex":
            command = [python, "-m", "tests.benchmarks.echo_peer", name]
        else:
            command = [python, str(SCRIPT), name]
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=1 << 20,
        )
        return cls(name, process)

    async def ask(self, **task: object) -> dict[str, Any]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(task).encode() + b"\n")
        await self.process.stdin.drain()
        line = await self.process.stdout.readline()
        if not line:
            raise SystemExit(f"the echo of {self.name} does not run with its interpreter")
        return json.loads(line)

    async def stop(self) -> None:
        if self.process.returncode is None:
            self.process.kill()
            await self.process.wait()


class Probe:
    """When a burst goes out, and when it is back."""

    def __init__(self) -> None:
        self.sent: float | None = None
        self.wanted = 0
        self.back = asyncio.Event()
        self.taken: list[float] = []

    def outgoing(self, size: int) -> np.ndarray:
        """The next 20 ms, (size,) float32: silence, or a burst of 60 ms from the start of a frame."""
        if self.wanted == 3:
            self.sent = time.perf_counter()
        self.wanted -= self.wanted > 0
        loud = self.sent is not None and time.perf_counter() - self.sent < 0.05
        return np.sin(2 * np.pi * 1000 / 50 * np.arange(size) / size).astype(np.float32) * (0.5 if loud else 0.0)

    def incoming(self, samples: np.ndarray) -> None:
        if self.sent is not None and np.abs(samples).max(initial=0.0) > AUDIBLE:
            self.taken.append(time.perf_counter() - self.sent)
            self.sent = None
            self.back.set()

    async def fire(self) -> None:
        self.back.clear()
        self.wanted = 3
        try:
            await asyncio.wait_for(self.back.wait(), 3.0)
        except TimeoutError:
            self.sent = None


async def paced(next_frame: Callable[[], None]) -> None:
    began = time.perf_counter()
    for index in range(1 << 30):
        await asyncio.sleep(max(0.0, began + index * PERIOD - time.perf_counter()))
        next_frame()


async def by_duplex(echo: Echo, probe: Probe, probes: int) -> None:
    peer = WebRtcPeer(SystemClock())

    async def listen() -> None:
        async for chunk in peer.incoming():
            probe.incoming(chunk.samples)

    await peer.accept((await echo.ask(sdp=await peer.offer()))["sdp"])
    await peer.wait_connected()
    tasks = [asyncio.create_task(listen()), asyncio.create_task(paced(lambda: peer.play(probe.outgoing(320))))]
    await fire(probe, probes)
    for task in tasks:
        task.cancel()
    await peer.close()


async def by_aiortc(echo: Echo, probe: Probe, probes: int) -> None:
    class Source(MediaStreamTrack):
        kind = "audio"

        def __init__(self) -> None:
            super().__init__()
            self.began: float | None = None
            self.at = 0

        async def recv(self) -> AudioFrame:
            if self.began is None:
                self.began = time.perf_counter()
            await asyncio.sleep(max(0.0, self.began + self.at / 48_000 - time.perf_counter()))
            samples = (32_000 * probe.outgoing(960)).astype(np.int16)
            frame = AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 48_000, self.at, Fraction(1, 48_000)
            self.at += 960
            return frame

    async def listen(track: MediaStreamTrack) -> None:
        while True:
            frame = await track.recv()
            probe.incoming(frame.to_ndarray().astype(np.float32) / 32_768)

    pc = RTCPeerConnection()
    tasks: list[asyncio.Task[None]] = []
    pc.on("track", lambda track: tasks.append(asyncio.create_task(listen(track))))
    pc.addTrack(Source())
    pc.createDataChannel("text")  # FastRTC sends nothing before it has one
    await pc.setLocalDescription(await pc.createOffer())
    answer = (await echo.ask(sdp=pc.localDescription.sdp))["sdp"]
    await pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await fire(probe, probes)
    for task in tasks:
        task.cancel()
    await pc.close()


async def fire(probe: Probe, probes: int) -> None:
    await asyncio.sleep(WARM_UP)
    for index in range(probes):
        await asyncio.sleep(GAP + 0.007 * index)
        await probe.fire()


async def measure(names: dict[str, str], connections: int, probes: int) -> int:
    rows: list[list[object]] = []
    for name, python in names.items():
        echo = await Echo.start(name, python)
        try:
            label = (await echo.ask(versions=True))["versions"]
            for client, call in (("aiortc", by_aiortc), ("duplex", by_duplex)):
                probe = Probe()
                before, began = (await echo.ask(cpu=True))["cpu"], time.perf_counter()
                for _ in range(connections):
                    await call(echo, probe, probes)
                cpu = ((await echo.ask(cpu=True))["cpu"] - before) / (time.perf_counter() - began)
                taken = [1000.0 * seconds for seconds in probe.taken]
                rows.append(
                    [
                        label,
                        client,
                        len(taken),
                        *(quantile(taken, q) for q in (0.0, 0.5, 0.95, 1.0)),
                        f"{100 * cpu:.1f} %",
                    ]
                )
        finally:
            await echo.stop()
    print(versions(["duplex", "aiortc", "av"]))
    print(f"{connections} connections of {probes} probes by each client; milliseconds; CPU: of a core, by the echo")
    print(table(["echo by", "client", "n", "min", "p50", "p95", "max", "CPU"], rows))
    return 0


def parse_peers(given: list[str]) -> dict[str, str]:
    names = {"duplex": sys.executable, "aiortc": sys.executable}
    for peer in given:
        name, _, python = peer.partition("=")
        if name not in ("fastrtc", "pipecat") or not python:
            raise SystemExit(f"--peers takes fastrtc=PYTHON and pipecat=PYTHON, not {peer!r}")
        names[name] = python
    return names


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--peers", nargs="*", default=[], metavar="NAME=PYTHON", help="interpreters that have the peers"
    )
    parser.add_argument("--connections", type=int, default=3)
    parser.add_argument("--probes", type=int, default=5, help="of each connection")
    args = parser.parse_args()
    try:
        return asyncio.run(measure(parse_peers(args.peers), args.connections, args.probes))
    except TransportError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    sys.exit(main())
