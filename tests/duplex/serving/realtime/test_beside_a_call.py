"""A call stays smooth beside Realtime sessions; the event loop is watched, as in every test of the server."""

from __future__ import annotations

import asyncio

import aiohttp
import numpy as np
import pytest

from duplex.serving.hosts.in_process_host import InProcessHost
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.http.auth import Gate
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.http.server import Address, Server
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.testing import Answer
from duplex.testing.fakes import UserSpeech
from tests.duplex.serving.realtime import client as realtime_client
from tests.duplex.serving.realtime.client import Client
from tests.duplex.serving.scripted import OFFER, Peers, engines, script, speak
from tests.loop_judge import JudgedWatchdog

KEY = {"Authorization": "Bearer a token for tests"}
SESSIONS = 6
SMOOTH = 0.1
"""Seconds that sound may be late, or silent within a sentence, beside what other processes took of the machine."""


async def _converse(http: aiohttp.ClientSession, address: str, audio: np.ndarray, ready: asyncio.Event) -> list[str]:
    """Says the same twice, once it may begin; returns what was answered."""
    async with http.ws_connect(f"{address}v1/realtime", headers=KEY) as socket:
        client = Client(socket)
        await client.until("session.created")
        await ready.wait()
        said = []
        for _ in range(2):
            await client.speak(audio)
            done = (await client.until("response.done"))["response"]
            said.append(done["output"][0]["content"][0]["transcript"])
        return said


def _excused(watchdogs: list[JudgedWatchdog]) -> float:
    """Seconds that others have taken so far, by the watch over this test's loop."""
    return max(watchdog.excused() for watchdog in watchdogs)


@pytest.mark.slow
async def test_a_call_beside_sessions(loop_watchdog: list[JudgedWatchdog], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realtime_client, "WAIT", 240.0)
    sounds, audio = script(UserSpeech(0.3, 1.2, "what time is it"))
    answer = "it is noon and all is well."
    made = engines(sounds, [Answer(answer)] * (2 * SESSIONS + 2))
    peers, clock = Peers(), SystemClock()
    limits, patient = Limits(calls=SESSIONS + 1), Shedder(late=1e9)  # a slow machine gives nothing up
    host = InProcessHost(Settings(), peers, clock=clock, engines=made, limits=limits, shedder=patient)
    async with (
        host,
        Server(host, Gate("a token for tests"), Address(port=0), page={}, limits=limits) as server,
        aiohttp.ClientSession() as http,
    ):
        call = (await host.create(CallRequest("Ann")))["session"]
        await host.offer(call, OFFER)
        peer, ready = peers.of(call), asyncio.Event()
        beside = [asyncio.create_task(_converse(http, server.url(), audio, ready)) for _ in range(SESSIONS)]
        async with asyncio.timeout(60):
            while (await host.load())[0].online <= SESSIONS:  # noqa: ASYNC110 (the host tells nobody)
                await asyncio.sleep(0.05)
        taken = -_excused(loop_watchdog)
        ready.set()
        await speak(clock, {peer: audio}, 10.0)
        (load,) = await host.load()
        taken += _excused(loop_watchdog)
        assert await asyncio.gather(*beside) == [[answer] * 2] * SESSIONS
        replies = peer.of("reply")
        await host.close(call)
    assert [reply["text"] for reply in replies] == [answer] and not replies[0]["interrupted"]
    assert load.late_ms / 1000 < SMOOTH + taken, (load, taken)
    # What the call has heard: its answer in one piece, in the time that it takes.
    heard = np.flatnonzero(np.abs(peer.sound) > 1e-4)
    gaps = np.diff(heard) / SAMPLE_RATE
    assert heard.size and gaps.max(initial=0.0) < SMOOTH + taken
