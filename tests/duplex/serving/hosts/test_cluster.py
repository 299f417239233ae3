"""A local Ray with three workers: calls placed by load, one worker killed in mid-call, and everybody goes on."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import pytest_asyncio

from duplex.engines import Engines
from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.interaction.contract import Request
from duplex.serving.hosts.cluster import ClusterHost
from duplex.serving.hosts.worker import WorkerOptions
from duplex.serving.http.auth import Gate
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.http.server import Address, Server
from duplex.serving.proxy.audio import AudioProxy
from duplex.session_record.session_log import parse_events
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import CallError, EndpointError, ModelError, TransportError
from duplex.testing import Answer
from duplex.testing.fakes import ScriptedAnswerer
from duplex.transport.webrtc import WebRtcPeer
from tests.duplex.serving import scripted
from tests.duplex.serving.realtime import client as realtime_client
from tests.duplex.serving.realtime.client import Client

pytestmark = pytest.mark.slow

TONES = {500: "remember the milk", 1500: "what was it"}
"""Hertz, as they come through the codec, to what they say."""

LIMITS = Limits(calls=2, reconnect=200.0, connecting=60.0)


class ToneRecognizer:
    """Recognizes an utterance by its pitch."""

    name = "tones"
    hop = 320
    latency = 0
    sample_rate = SAMPLE_RATE

    def initial_state(self, batch: int = 1) -> tuple[np.ndarray, ...]:
        return ()

    def step(self, chunk: np.ndarray, state: tuple[np.ndarray, ...]) -> tuple[None, tuple[np.ndarray, ...]]:
        return None, (*state, chunk)

    def flush(self, state: tuple[np.ndarray, ...]) -> Hypothesis:
        sound = np.concatenate([*state, np.zeros(SAMPLE_RATE, np.float32)])[:SAMPLE_RATE]
        pitch = int(np.argmax(np.abs(np.fft.rfft(sound))))
        text = TONES[min(TONES, key=lambda hertz: abs(hertz - pitch))]
        words = text.split()
        each = len(state) * self.hop // len(words)
        return Hypothesis(
            tuple(Word(word, at * each, (at + 1) * each) for at, word in enumerate(words)), len(words), final=True
        )

    def close(self) -> None:
        pass


def recalling(settings: Settings) -> Engines:
    """An assistant that knows whether it ever heard of milk."""

    def recall(request: Request) -> Answer:
        known = any("milk" in each.text for each in request.history if each.party != "assistant")
        return Answer("milk of course" if known else "nothing so far")

    made = scripted.engines()
    made.recognizer = ToneRecognizer()
    made.answerer = ScriptedAnswerer(choose=recall)
    return made


def without_engines(settings: Settings) -> Engines:
    raise ModelError("there are no engines here")


@pytest.fixture(scope="module")
def ray() -> Any:
    module = pytest.importorskip("ray", reason="Ray is not installed: pip install duplex[cluster]")
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    module.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": str(Path(__file__).parents[4]), "OMP_NUM_THREADS": "1"}},
    )
    yield module
    module.shutdown()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(ray: Any) -> AsyncIterator[ClusterHost]:
    options = WorkerOptions(Settings(), LIMITS, late=60.0, make_engines=recalling)
    async with ClusterHost(options, clock=SystemClock(), workers=3) as host:
        yield host


class Caller:
    """A page: it says the sounds of the script by number, and remembers what it was told."""

    def __init__(self, host: ClusterHost, id: str) -> None:
        self.host, self.id = host, id
        self.told: list[dict[str, Any]] = []
        self.peer: WebRtcPeer | None = None

    async def connect(self) -> None:
        self.peer = WebRtcPeer(SystemClock())
        await self.peer.accept(await self.host.offer(self.id, await self.peer.offer()))
        async with asyncio.timeout(120):
            await self.peer.wait_connected()
        self.hearing = asyncio.create_task(self._hear(self.peer))
        await self.until(lambda message: message["type"] == "hello")

    async def say(self, hertz: int) -> None:
        assert self.peer is not None
        times = np.arange(round(0.7 * SAMPLE_RATE)) / SAMPLE_RATE
        sound = np.concatenate([0.4 * np.sin(2 * np.pi * hertz * times), np.zeros(SAMPLE_RATE)]).astype(np.float32)
        clock, began = SystemClock(), SystemClock().now()
        for at in range(0, len(sound), FRAME):
            await clock.sleep_until(began + at / SAMPLE_RATE)
            self.peer.play(sound[at : at + FRAME])

    async def silence(self) -> None:
        assert self.peer is not None
        for _ in range(25):
            self.peer.play(np.zeros(FRAME, np.float32))
            await asyncio.sleep(0.02)

    async def until(self, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30.0) -> dict[str, Any]:
        async with asyncio.timeout(seconds):
            while True:
                for message in self.told:
                    if wanted(message):
                        return message
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        if self.peer is not None:
            await self.peer.close()
            await self.hearing

    async def _hear(self, peer: WebRtcPeer) -> None:
        async for message in peer.messages():
            self.told.append(message)


async def three_idle_workers(cluster: ClusterHost) -> None:
    async with asyncio.timeout(120):
        while True:
            loads = (await cluster.load())[:-1]
            if len(loads) == 3 and all(load.calls == 0 and load.cpu < 0.3 for load in loads):
                return
            await asyncio.sleep(0.1)


async def answered(caller: Caller, hertz: int) -> str:
    """What the assistant says to a tone."""
    before = sum(message["type"] == "reply" for message in caller.told)
    await caller.say(hertz)
    async with asyncio.timeout(120):
        while True:
            replies = [message["text"] for message in caller.told if message["type"] == "reply"]
            if len(replies) > before:
                return str(replies[-1])
            await caller.silence()


async def killed(ray: Any, host: ClusterHost, call: str) -> str:
    """The process that holds the call is gone; returns its name."""
    worker = host._calls[call].worker
    assert worker is not None
    pid = ray.get(worker.actor.__ray_call__.remote(lambda self: os.getpid()))
    os.kill(pid, signal.SIGKILL)
    return worker.name


@pytest.mark.asyncio(loop_scope="module")
async def test_calls_are_placed_by_load_and_survive_the_death_of_their_worker(ray: Any, cluster: ClusterHost) -> None:
    await three_idle_workers(cluster)
    ids = [(await cluster.create(CallRequest(f"caller {number}")))["session"] for number in range(3)]
    names = {cluster._calls[id].worker.name for id in ids}  # type: ignore[union-attr]
    assert len(names) == 3  # each to the worker that had least to do
    callers = [Caller(cluster, id) for id in ids]
    await asyncio.gather(*(caller.connect() for caller in callers))
    assert await asyncio.gather(*(answered(caller, 500) for caller in callers)) == ["nothing so far"] * 3
    await asyncio.sleep(1.2)  # the front end has heard of it

    victim, others = callers[0], callers[1:]
    dead = await killed(ray, cluster, victim.id)
    # The others do not notice; the page of the victim comes back as after any loss of the network.
    assert await asyncio.gather(*(answered(caller, 1500) for caller in others)) == ["milk of course"] * 2
    state = await cluster.state(victim.id)
    assert state["state"] == "open" and not state["online"]
    assert [turn.text for turn in parse_events(state["events"]).turns] == ["remember the milk"]
    assert "remember the milk" in (await cluster.export(victim.id, "transcript.txt"))[1]
    await victim.close()
    victim.told.clear()
    await victim.connect()
    assert cluster._calls[victim.id].worker.name != dead  # type: ignore[union-attr]
    assert await answered(victim, 1500) == "milk of course"  # it remembers

    log = parse_events((await cluster.state(victim.id))["events"])
    assert [(turn.number, turn.text) for turn in log.turns] == [(1, "remember the milk"), (2, "what was it")]
    assert [reply.text for reply in log.replies] == ["nothing so far", "milk of course"]
    assert log.turns[1].start > log.replies[0].end
    loads = {load.host: load for load in await cluster.load()}
    assert loads["front end"].counters == {"moved": 1.0, "deaths": 1.0} and loads["front end"].calls == 0
    for caller in callers:
        await caller.close()
        await cluster.close(caller.id)
        assert (await cluster.state(caller.id))["state"] == "ended"
    await three_idle_workers(cluster)  # another has taken the place of the dead one


@pytest.mark.asyncio(loop_scope="module")
async def test_a_room_lives_in_one_worker_and_moves_as_one(ray: Any, cluster: ClusterHost) -> None:
    ann = Caller(cluster, (await cluster.create(CallRequest("Ann", "den")))["session"])
    bob = Caller(cluster, (await cluster.create(CallRequest("Bob", "den")))["session"])
    assert cluster._calls[ann.id].worker is cluster._calls[bob.id].worker
    await asyncio.gather(ann.connect(), bob.connect())
    await answered(ann, 500)
    await asyncio.sleep(1.2)
    await killed(ray, cluster, ann.id)
    for caller in (ann, bob):
        await caller.close()
        caller.told.clear()
        await caller.connect()
    assert cluster._calls[ann.id].worker is cluster._calls[bob.id].worker
    assert await answered(bob, 1500) == "milk of course"
    turns = parse_events((await cluster.state(ann.id))["events"]).turns
    assert [(turn.party, turn.text) for turn in turns] == [("Ann", "remember the milk"), ("Bob", "what was it")]
    for caller in (ann, bob):
        await caller.close()
        await cluster.close(caller.id)
    # Strangers who meet in a room of the same name find it empty.
    cid = await cluster.create(CallRequest("Cid", "den"))
    assert [event["type"] for event in (await cluster.state(cid["session"]))["events"]] == ["session_started"]
    await asyncio.sleep(1.2)
    assert [event["type"] for event in cluster._calls[cid["session"]].room.events] == ["session_started"]
    await cluster.close(cid["session"])


@pytest.mark.asyncio(loop_scope="module")
async def test_refusals_come_through_as_they_are(cluster: ClusterHost) -> None:
    await three_idle_workers(cluster)
    made = [(await cluster.create(CallRequest(f"caller {number}")))["session"] for number in range(6)]
    with pytest.raises(CallError, match="full") as refusal:
        await cluster.create(CallRequest("one too many"))
    assert refusal.value.reason == "full" and refusal.value.retry_after > 0
    with pytest.raises(TransportError, match="v=0"):
        await cluster.offer(made[0], "nonsense")
    with pytest.raises(CallError, match="no such call"):
        await cluster.state("nobody")
    with pytest.raises(CallError, match="no download"):
        await cluster.export(made[0], "secrets.txt")
    for id in made:
        await cluster.close(id)
        await cluster.close(id)
        with pytest.raises(CallError):
            await cluster.offer(id, "v=0")


@pytest.mark.asyncio(loop_scope="module")
async def test_programs_are_served_by_workers_and_told_when_theirs_dies(
    ray: Any, cluster: ClusterHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(realtime_client, "WAIT", 120.0)
    await three_idle_workers(cluster)
    key = {"Authorization": "Bearer a token for tests"}
    async with (
        AudioProxy(cluster) as audio,
        Server(cluster, Gate("a token for tests"), Address(port=0), page={}, more=[audio]) as server,
        aiohttp.ClientSession() as http,
    ):
        base = server.url()
        body = {"session": {"instructions": "Be kind."}}
        async with http.post(f"{base}v1/realtime/client_secrets", json=body, headers=key) as answer:
            lent = {"Authorization": f"Bearer {(await answer.json())['value']}"}
        sockets = [await http.ws_connect(f"{base}v1/realtime", headers=lent) for _ in range(3)]
        clients = [Client(socket) for socket in sockets]
        ids = [(await client.until("session.created"))["session"]["id"] for client in clients]
        for client in clients:
            content = [{"type": "input_text", "text": "remember the milk"}]
            await client.send("conversation.item.create", item={"type": "message", "role": "user", "content": content})
            await client.send("response.create")
            await client.until("response.done")
        async with asyncio.timeout(60):
            while not all(id in cluster._calls and len(cluster._calls[id].room.events) > 3 for id in ids):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert len({cluster._calls[id].worker.name for id in ids}) == 3  # type: ignore[union-attr]
        assert sum(load.wires.get("realtime websocket", 0) for load in await cluster.load()) == 3
        speech = {"model": "tts-1", "voice": "alloy", "input": "one two", "response_format": "wav"}
        async with http.post(f"{base}v1/audio/speech", json=speech, headers=key) as answer:
            assert answer.status == 200 and (await answer.read()).startswith(b"RIFF")

        await killed(ray, cluster, ids[0])
        assert (await clients[0].error())["code"] == "worker_lost"
        assert (await sockets[0].receive()).data == aiohttp.WSCloseCode.SERVICE_RESTART
        for client in clients[1:]:
            await client.send("response.create", response={"instructions": "Go on."})
            assert (await client.until("response.done"))["response"]["status"] == "completed"
        async with asyncio.timeout(60):
            while cluster._calls[ids[0]].worker is not None:  # noqa: ASYNC110 (the cluster tells nobody)
                await asyncio.sleep(0.1)
        async with http.get(f"{base}api/sessions/{ids[0]}", headers=key) as answer:
            state = await answer.json()
        assert state["state"] == "ended"
        assert [turn.text for turn in parse_events(state["events"]).turns] == ["remember the milk"]
        async with http.get(f"{base}api/sessions/{ids[0]}/transcript.txt", headers=key) as answer:
            assert "remember the milk" in await answer.text()
        with pytest.raises(CallError, match="over"):
            await cluster.offer(ids[0], "v=0")
        for client in clients[1:]:
            await client.socket.close()
    await three_idle_workers(cluster)


async def test_a_cluster_whose_workers_cannot_start(ray: Any) -> None:
    options = WorkerOptions(Settings(), LIMITS, make_engines=without_engines)
    with pytest.raises(ModelError, match="no engines here"):
        async with ClusterHost(options, clock=SystemClock(), workers=1):
            pass
    with pytest.raises(EndpointError, match="cannot be reached"):
        async with ClusterHost(options, clock=SystemClock(), address="127.0.0.1:1", workers=1):
            pass
