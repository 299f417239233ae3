"""What a server knows of its Realtime sessions: how many, how late they are, and what it gives up for them."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import aiohttp
import pytest

from duplex.serving.audio.service import AudioService
from duplex.serving.hosts.contract import Load
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.serve import Serving
from duplex.settings import Settings
from duplex.streaming.errors import CallError
from duplex.streaming.pool import InferencePool
from duplex.testing import Answer
from tests.duplex.serving.realtime.client import connected
from tests.duplex.serving.realtime.test_calls import called
from tests.duplex.serving.scripted import engines


def _access(serving: Serving) -> tuple[str, dict[str, str]]:
    address, _, token = serving.url.partition("#token=")
    return address, {"Authorization": f"Bearer {token}"}


async def _metrics(http: aiohttp.ClientSession, serving: Serving) -> dict[str, float]:
    address, key = _access(serving)
    async with http.get(f"{address}metrics", headers=key) as answer:
        lines = re.findall(r"^([^#].*) (\S+)$", await answer.text(), re.M)
    return {
        name.replace('host="local"', "").replace("{}", "").replace("{,", "{"): float(value) for name, value in lines
    }


async def test_a_session_is_counted_while_it_is_held() -> None:
    async with connected(engines()) as (client, serving), aiohttp.ClientSession() as http:
        told = await _metrics(http, serving)
        assert (told["duplex_calls"], told["duplex_calls_online"], told["duplex_rooms"]) == (1.0, 1.0, 1.0)
        assert told['duplex_calls_by_wire{wire="realtime websocket"}'] == 1.0
        await client.socket.close()
        async with asyncio.timeout(120):
            while True:
                told = await _metrics(http, serving)
                if not told["duplex_calls"]:
                    break
                await asyncio.sleep(0.05)
        assert told["duplex_calls_online"] == told["duplex_rooms"] == 0.0 and told["duplex_ended_total"] == 1.0
        host: Any = serving.server._host
        assert not host._kept  # nothing was said in it: there is nothing to be kept


async def test_a_session_over_webrtc_is_counted_too() -> None:
    async with called(engines()) as page:
        told = await _metrics(page.http, page.serving)
        assert told["duplex_calls_online"] == 1.0 and told['duplex_calls_by_wire{wire="realtime webrtc"}'] == 1.0


async def test_sessions_that_come_too_late_keep_others_out() -> None:
    """Nobody is in a call: what is late is a session of the API, and what is refused are further ones and programs."""
    made = engines(answers=[Answer("it is noon.")])
    async with connected(made) as (client, serving), aiohttp.ClientSession() as http:
        host: Any = serving.server._host
        host._monitor.shedder = Shedder(late=1e-7, calm=1e9)
        content = [{"type": "input_text", "text": "what time is it"}]
        await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
        async with asyncio.timeout(120):
            while True:
                (load,) = await host.load()
                if "new calls" in load.shed and load.late_ms:  # how late is of the last moments; what is shed stays
                    break
                await asyncio.sleep(0.05)
        assert load.late_ms > 0 and not load.accepts
        address, key = _access(serving)
        async with http.get(f"{address}v1/realtime", headers={**key, **UPGRADE}) as refused:
            assert refused.status == 503 and refused.headers["Retry-After"] == "15"
            assert (await refused.json())["error"]["type"] == "server_error"
        body = {"model": "tts-1", "voice": "alloy", "input": "one"}
        async with http.post(f"{address}v1/audio/speech", json=body, headers=key) as refused:
            assert refused.status == 503
        await client.send("response.create")  # who is there stays
        assert (await client.until("response.done"))["response"]["status"] == "completed"


UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
}


class Cluster:
    """A host, as far as its load goes."""

    def __init__(self, *shed: tuple[str, ...]) -> None:
        self.workers = [Load(f"worker {at}", 1, 1, 1, 4, 0.0, shed=each) for at, each in enumerate(shed)]

    async def load(self) -> list[Load]:
        return [*self.workers, Load("front end", 0, 0, 0, 0, 0.0)]


async def test_a_cluster_whose_workers_are_all_too_busy_takes_no_programs() -> None:
    pool = InferencePool(1)
    busy: Any = Cluster(("restoration", "new calls"), ("new calls",))
    async with AudioService(busy, Settings(), pool) as service:
        with pytest.raises(CallError, match="too busy"):
            async with service.admitted("somebody"):
                pass
    one: Any = Cluster((), ("new calls",))
    async with AudioService(one, Settings(), pool) as service, service.admitted("somebody"):
        pass
    await pool.aclose()
