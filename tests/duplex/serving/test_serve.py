"""duplex.serve: the server from Python, and the demo that uses it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

import duplex
from duplex.transport.webrtc import WebRtcPeer
from tests.duplex.serving.scripted import engines

ROOT = Path(__file__).parents[3]


async def test_a_call_through_it() -> None:
    scripted = engines()
    async with duplex.serve(port=0, engines=scripted) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        assert len(token) >= 32
        async with http.get(address) as page:
            assert page.status == 200 and "<title>Duplex</title>" in await page.text()
        async with http.post(f"{address}api/sessions", json={}) as refused:
            assert refused.status == 401
        headers = {"Authorization": f"Bearer {token}"}
        async with http.post(f"{address}api/sessions", json={"name": "Ann"}, headers=headers) as made:
            call = await made.json()
        assert made.status == 201 and call["offers"]["recording"] is False
        peer = WebRtcPeer(duplex.SystemClock())
        try:
            offer = {"type": "offer", "sdp": await peer.offer()}
            async with http.post(
                f"{address}api/sessions/{call['session']}/offer", json=offer, headers=headers
            ) as reply:
                await peer.accept((await reply.json())["sdp"])
            greeting = await anext(peer.messages())
            assert greeting["type"] == "hello" and greeting["now"] >= 0
        finally:
            await peer.close()


@pytest.mark.parametrize("on", [True, False])
async def test_the_audio_routes_can_be_switched_off(on: bool) -> None:
    async with duplex.serve(port=0, engines=engines(), audio_routes=on) as serving, aiohttp.ClientSession() as http:
        address, _, token = serving.url.partition("#token=")
        headers = {"Authorization": f"Bearer {token}"}
        async with http.get(f"{address}v1/models", headers=headers) as answer:
            assert answer.status == (200 if on else 404)
            assert ("data" in await answer.json()) == on


async def test_an_address_that_is_taken() -> None:
    async with duplex.serve(port=0, engines=engines()) as first:
        port = int(first.url.split(":")[2].split("/")[0])
        with pytest.raises(duplex.SettingsError, match=f"127.0.0.1:{port}"):
            async with duplex.serve(port=port, engines=engines()):
                pass


INTERRUPTIBLE = """
import runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has its children ignore it
del sys.argv[0]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_the_demo_serves_and_ends() -> None:
    environment = {**os.environ, "BROWSER": "true", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", INTERRUPTIBLE, str(ROOT / "demos" / "webrtc_call.py")]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, env=environment) as demo:
        assert demo.stdout is not None
        line = demo.stdout.readline()
        assert re.fullmatch(r"Open http://127\.0\.0\.1:\d+/#token=\S{32}\n", line)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 0


async def test_wyoming_beside_it() -> None:
    pytest.importorskip("wyoming")
    from wyoming.client import AsyncTcpClient
    from wyoming.info import Describe, Info

    local = "tcp://127.0.0.1:0"
    async with duplex.serve(port=0, engines=engines(), audio_routes=False, wyoming=local) as serving:
        address = urlsplit(serving.wyoming)
        assert address.port
        async with AsyncTcpClient(address.hostname, address.port, read_timeout=20.0) as client:
            await client.write_event(Describe().event())
            told = await client.read_event()
            assert told is not None and Info.from_event(told).asr
    async with duplex.serve(port=0, engines=engines()) as serving:
        assert serving.wyoming == ""
    for wrong in ({"wyoming": "udp://x"}, {"wyoming_announce": "me"}, {"wyoming": local, "wyoming_announce": "me"}):
        with pytest.raises(duplex.SettingsError, match="wyoming"):
            async with duplex.serve(port=0, engines=engines(), **wrong):
                pass
