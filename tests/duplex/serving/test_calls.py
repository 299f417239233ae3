"""Whole calls: a real WebRTC connection to a real server, and the command itself."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest

from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.http.auth import Gate
from duplex.serving.http.limits import Limits
from duplex.serving.http.server import Address, Server
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.transport.webrtc import WebRtcPeer
from tests.duplex.serving.scripted import engines

TOKEN = "a token for tests"


class Page:
    """What a browser does."""

    def __init__(self, client: aiohttp.ClientSession, url: str) -> None:
        self.told: list[dict[str, Any]] = []
        self.sound: list[np.ndarray] = []
        self._client = client
        self._url = url

    async def join(self, **wish: Any) -> Page:
        async with self._client.post(self._url + "api/sessions", json=wish) as response:
            assert response.status == 201
            self.one = f"{self._url}api/sessions/{(await response.json())['session']}"
        await self.connect()
        return self

    async def connect(self) -> None:
        self.peer = WebRtcPeer(SystemClock())
        offer = {"type": "offer", "sdp": await self.peer.offer()}
        async with self._client.post(self.one + "/offer", json=offer) as response:
            assert response.status == 200, await response.text()
            await self.peer.accept((await response.json())["sdp"])
        async with asyncio.timeout(30):
            await self.peer.wait_connected()
        self.tasks = [asyncio.create_task(self._hear()), asyncio.create_task(self._read())]
        await self.until(lambda: any(message["type"] == "hello" for message in self.told))

    async def play(self, wanted: Callable[[], bool], seconds: float = 60.0) -> None:
        """A tone, until what is wanted has come of it."""
        clock, began, number = SystemClock(), SystemClock().now(), 0
        tone = (0.3 * np.sin(2 * np.pi * 500 * np.arange(FRAME) / SAMPLE_RATE)).astype(np.float32)
        async with asyncio.timeout(seconds):
            while not wanted():
                number += 1
                await clock.sleep_until(began + number * FRAME / SAMPLE_RATE)
                self.peer.play(tone)

    async def until(self, wanted: Callable[[], bool], seconds: float = 30.0) -> None:
        async with asyncio.timeout(seconds):
            while not wanted():  # noqa: ASYNC110  (what is waited for is on the other side of a socket)
                await asyncio.sleep(0.02)

    async def leave(self) -> None:
        await self.peer.close()
        await asyncio.gather(*self.tasks)

    def told_of(self, kind: str, party: str) -> bool:
        return any(message["type"] == kind and message["party"] == party for message in self.told)

    def loud(self) -> int:
        return sum(float(np.abs(block).max()) > 0.05 for block in self.sound)

    async def _hear(self) -> None:
        async for chunk in self.peer.incoming():
            self.sound.append(chunk.samples)

    async def _read(self) -> None:
        async for message in self.peer.messages():
            self.told.append(message)


async def test_two_in_a_room_hear_each_other_and_one_comes_back_after_a_loss() -> None:
    clock, limits = SystemClock(), Limits()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        InProcessHost(
            Settings(),
            (lambda _: WebRtcPeer(clock)),
            clock=clock,
            limits=limits,
            engines=engines(),
            shedder=Shedder(late=60.0),
        ) as held,
        Server(held, Gate(TOKEN), Address(port=0), limits=limits, page={}) as server,
        aiohttp.ClientSession(headers=headers) as client,
    ):
        ann = await Page(client, server.url()).join(name="Ann", room="den")
        bob = await Page(client, server.url()).join(name="Bob", room="den")
        await ann.until(lambda: {"type": "room", "parties": ["Ann", "Bob"]} in ann.told)
        await ann.play(lambda: bob.loud() >= 30)
        assert ann.loud() == 0
        for page in (ann, bob):
            await page.until(lambda page=page: page.told_of("speech_started", "Ann"))
        await bob.leave()
        await bob.until(lambda: sum(call.online for call in held._calls.values()) == 1)
        bob.told.clear()
        bob.sound.clear()
        await bob.connect()
        await ann.play(lambda: bob.loud() >= 30)
        async with client.get(bob.one) as response:
            assert "speech_started" in [event["type"] for event in (await response.json())["events"]]
        for page in (ann, bob):
            await client.delete(page.one)
            await page.until(lambda page=page: not page.peer.connected)
            await page.leave()


@pytest.mark.slow
def test_the_command_serves_says_where_and_drains_on_sigterm(tmp_path: Any) -> None:
    async def talk(url: str) -> list[str]:
        base, _, token = url.partition("#token=")
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
            async with client.get(base) as response:
                assert response.status == 200 and "<title>" in await response.text()
            page = await Page(client, base).join(name="Ann")
            await page.play(lambda: any(m["type"] == "levels" and m["input"] > -20 for m in page.told))
            os.kill(process.pid, signal.SIGTERM)
            await page.until(lambda: any("stops" in m.get("text", "") for m in page.told if m["type"] == "notice"))
            async with client.post(base + "api/sessions", json={}) as response:
                assert response.status == 503 and int(response.headers["Retry-After"]) > 0
            await client.delete(page.one)
            await page.leave()
            return [message["type"] for message in page.told]

    command = [sys.executable, "-m", "duplex.cli", "serve", "--port", "0", "--recordings", str(tmp_path / "calls")]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1", "DUPLEX_DIARIZE": "false"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:\d+/\#token=[\w-]{32}", line)
        assert found, line + process.stderr.read()  # type: ignore[union-attr]
        try:
            told = asyncio.run(talk(found[0]))
            assert {"hello", "levels"} <= set(told)
            assert process.wait(30) == 0
        finally:
            process.kill()
        assert "Traceback" not in process.stderr.read()  # type: ignore[union-attr]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_before_the_server_listens_ends_it_and_its_processes(tmp_path: Path, number: int) -> None:
    options = ["--port", "0", "--recordings", str(tmp_path / "calls"), "--recognizer", "pocketsphinx"]
    command = [sys.executable, "-c", INTERRUPTIBLE, "serve", *options]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        try:
            assert process.stderr is not None and process.stdout is not None
            assert process.stderr.readline() == "loading\n"
            process.send_signal(number)
            assert process.wait(60) == 0
            assert process.stderr.read() == "" and process.stdout.read() == ""
            assert not _group(process.pid)
        finally:
            process.kill()


INTERRUPTIBLE = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has its children ignore it
from duplex.cli import main
from duplex.engines import Engines
load = Engines.from_settings

def told(settings):
    print("loading", file=sys.stderr, flush=True)
    return load(settings)

Engines.from_settings = told
sys.exit(main(sys.argv[1:]))
"""


def _group(leader: int) -> list[str]:
    """Processes of a process group that are still there."""
    told = subprocess.run(["ps", "-o", "pid=,stat=", "-g", str(leader)], capture_output=True, text=True).stdout
    return [line for line in told.splitlines() if "Z" not in line]


def test_the_same_port_twice(capsys: pytest.CaptureFixture[str]) -> None:
    import socket

    from duplex.cli import main

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["serve", "--port", str(port), "--no-recordings", "--set", "diarize=false"]) == 1
    error = capsys.readouterr().err
    assert str(port) in error and "--port" in error and error.count("\n") == 1
