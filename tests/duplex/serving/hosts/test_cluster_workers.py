"""Workers without Ray: slow and failing requests, pings, deaths and replacements."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from duplex.serving.hosts import cluster as cluster_module
from duplex.serving.hosts.cluster import ClusterHost
from duplex.serving.hosts.cluster_workers import ANSWER, MISSED_PINGS, PING, PING_ANSWER
from duplex.serving.hosts.worker import Worker, WorkerOptions
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.settings import Settings
from duplex.streaming.errors import CallError
from duplex.testing import VirtualClock
from tests.duplex.conversation.captions.scripted import TurningTranslator
from tests.duplex.serving.scripted import OFFER, Peers, host


class BothWays(TurningTranslator):
    pairs = frozenset({("en", "de"), ("de", "en"), ("en", "fr")})


class RayError(Exception):
    pass


class RayActorError(RayError):
    pass


class ActorUnavailableError(RayActorError):
    pass


class FakeActor:
    """A worker in this process. `slow`, `fail`: methods of CallHost that stand still or raise. `dead`, `deaf`."""

    def __init__(self, name: str, options: WorkerOptions, clock: VirtualClock) -> None:
        self.worker = Worker(name, options)
        self.clock = clock
        self.options = options
        self.slow: dict[str, float] = {}
        self.fail: set[str] = set()
        self.dead = self.deaf = False

    def __getattr__(self, method: str) -> Any:
        return SimpleNamespace(remote=lambda *args: asyncio.ensure_future(self._run(method, args)))

    async def _run(self, method: str, args: tuple[Any, ...]) -> Any:
        if self.dead:
            raise RayActorError("the actor died")
        if method == "start":
            self.peers = Peers()
            held = host(
                self.peers,
                self.clock,
                limits=self.options.limits,
                name=self.worker._name,
                translator=BothWays(),
                languages=("de",),
            )
            self.worker._host = await held.__aenter__()
            return True, None
        if method == "ping" and self.deaf:
            await asyncio.sleep(1e6)
        name = args[0] if method == "call" else method
        if name in self.fail:
            raise RayError("an exception of the worker\nin many lines")
        if name in self.slow:
            await asyncio.sleep(self.slow[name])
        return await getattr(self.worker, method)(*args)


class FakeRay:
    exceptions = SimpleNamespace(
        RayError=RayError, RayActorError=RayActorError, ActorUnavailableError=ActorUnavailableError
    )

    util = SimpleNamespace(get_node_ip_address=lambda: "127.0.0.1")

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.actors: list[FakeActor] = []
        self.killed: list[FakeActor] = []

    def remote(self, **resources: Any) -> Callable[[type], Any]:
        def make(name: str, options: WorkerOptions) -> FakeActor:
            self.actors.append(FakeActor(name, options, self.clock))
            return self.actors[-1]

        return lambda cls: SimpleNamespace(remote=make)

    def kill(self, actor: FakeActor) -> None:
        actor.dead = True
        self.killed.append(actor)

    def shutdown(self) -> None:
        pass


def drive(
    monkeypatch: pytest.MonkeyPatch, work: Callable[[VirtualClock, FakeRay, ClusterHost], Awaitable[None]]
) -> None:
    clock = VirtualClock()
    ray = FakeRay(clock)
    monkeypatch.setattr(cluster_module, "connect", lambda address: (ray, True))

    async def main() -> None:
        options = WorkerOptions(Settings(), Limits(calls=4), late=60.0)
        async with ClusterHost(options, clock=clock, workers=1) as cluster:
            await work(clock, ray, cluster)

    clock.run(main())


@pytest.mark.parametrize("method", ["export", "state", "consent", "recording"])
def test_a_slow_request_fails_alone(monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        slow = (await cluster.create(CallRequest("Ann")))["session"]
        other = (await cluster.create(CallRequest("Bob")))["session"]
        (actor,) = ray.actors
        actor.slow[method] = 300.0
        arguments = {"export": ("transcript.txt",), "consent": (True,), "recording": (0, 10)}.get(method, ())
        asked = asyncio.create_task(getattr(cluster, method)(slow, *arguments))
        for _ in range(20):
            await clock.sleep_until(clock.now() + 1.0)
            assert (await cluster.offer(other, OFFER)) if clock.now() > ANSWER + 3 else True
        if method == "state":  # the front end's copy stands in
            assert (await asked)["state"] == "open"
        else:
            with pytest.raises(CallError, match="worker 1 is busy") as refusal:
                await asked
            assert refusal.value.reason == "slow" and refusal.value.retry_after > 0
        assert not ray.killed and cluster._workers.deaths == 0  # type: ignore[union-attr]
        assert cluster._calls[other].worker is cluster._calls[slow].worker is not None

    drive(monkeypatch, work)


def test_a_call_that_is_made_too_late_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        (actor,) = ray.actors
        actor.slow["create"] = 40.0
        with pytest.raises(CallError, match="busy"):
            await cluster.create(CallRequest("Ann"))
        assert not cluster._calls and not cluster._rooms
        await clock.sleep_until(clock.now() + 30.0)
        assert not actor.worker._host._calls and not ray.killed  # type: ignore[union-attr]
        actor.slow.clear()
        await cluster.create(CallRequest("Ann"))

    drive(monkeypatch, work)


def test_a_request_that_fails_in_its_worker_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        id = (await cluster.create(CallRequest("Ann")))["session"]
        ray.actors[0].fail.add("export")
        with pytest.raises(CallError, match="failed") as failure:
            await cluster.export(id, "transcript.txt")
        assert failure.value.reason == "failed" and not ray.killed
        assert (await cluster.offer(id, OFFER)).startswith("v=0")

    drive(monkeypatch, work)


def test_a_worker_that_misses_its_pings_is_dead_and_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        id = (await cluster.create(CallRequest("Ann")))["session"]
        ray.actors[0].deaf = True
        await clock.sleep_until(clock.now() + PING + PING_ANSWER + 1.0)
        assert not ray.killed  # one missed ping is no death
        await clock.sleep_until(clock.now() + MISSED_PINGS * (PING + PING_ANSWER))
        assert ray.killed == [ray.actors[0]] and len(ray.actors) == 2
        assert cluster._calls[id].worker is None
        await cluster.offer(id, OFFER)  # the page comes back
        assert cluster._calls[id].worker.name == "worker 2"  # type: ignore[union-attr]

    drive(monkeypatch, work)


def test_a_ping_that_comes_through_again_is_no_death(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        (actor,) = ray.actors
        for _ in range(6):
            actor.deaf = True
            await clock.sleep_until(clock.now() + 1.5 * (PING + PING_ANSWER))
            actor.deaf = False
            await clock.sleep_until(clock.now() + 2 * (PING + PING_ANSWER))
        assert not ray.killed

    drive(monkeypatch, work)


def test_an_actor_that_died_is_noticed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        id = (await cluster.create(CallRequest("Ann")))["session"]
        ray.actors[0].dead = True
        with pytest.raises(CallError) as failure:
            await cluster.export(id, "transcript.txt")
        assert failure.value.reason == "lost"
        await clock.sleep_until(clock.now() + 2 * PING)
        assert (await cluster.load())[-1].counters["deaths"] == 1 and len(ray.actors) == 2

    drive(monkeypatch, work)


def test_each_goes_on_reading_captions_in_the_language_chosen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        ann, bob, eve = [(await cluster.create(CallRequest(name, "den")))["session"] for name in ("Ann", "Bob", "Eve")]
        for id, language in ((ann, "de"), (bob, "fr"), (eve, "de")):
            await cluster.offer(id, OFFER)
            ray.actors[0].peers.of(id).ask({"type": "captions", "language": language})
        await clock.sleep_until(clock.now() + 1.0)
        ray.actors[0].peers.of(eve).ask({"type": "captions", "language": ""})  # and thought better of it
        await clock.sleep_until(clock.now() + 2.0)
        ray.actors[0].dead = True
        await clock.sleep_until(clock.now() + 2 * PING)
        assert (await cluster.state(ann))["captions"] == "de", "as the front end knows it"
        for id in (ann, bob, eve):
            await cluster.offer(id, OFFER)
        assert [(await cluster.state(id))["captions"] for id in (ann, bob, eve)] == ["de", "fr", ""]
        host = ray.actors[1].worker._host
        session = host._where[ann]._session  # type: ignore[union-attr]
        assert session._captions._track.wanted("ann") == ("de", "fr")

    drive(monkeypatch, work)


def test_each_goes_on_speaking_and_hearing_the_language_chosen_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was chosen when the call was made, and what was chosen while it ran."""

    async def work(clock: VirtualClock, ray: FakeRay, cluster: ClusterHost) -> None:
        people = {"Ann": {}, "Bob": {"speaks": "de"}, "Eve": {"interpret": False}}
        made = [(await cluster.create(CallRequest(name, "den", **wish)))["session"] for name, wish in people.items()]
        ann, bob, eve = made
        for id in made:
            await cluster.offer(id, OFFER)
        await clock.sleep_until(clock.now() + 1.0)
        peers = ray.actors[0].peers
        peers.of(ann).ask({"type": "speaks", "language": "de"})
        peers.of(ann).ask({"type": "interpret", "on": False})
        peers.of(bob).ask({"type": "speaks", "language": "en"})
        await clock.sleep_until(clock.now() + 2.0)
        ray.actors[0].dead = True
        await clock.sleep_until(clock.now() + 2 * PING)
        wanted = [("de", False), ("en", True), ("en", False)]
        for moved in (False, True):
            if moved:  # before that it is the front end that knows
                for id in (eve, ann, bob):
                    await cluster.offer(id, OFFER)
            states = [await cluster.state(id) for id in made]
            assert [(state["speaks"], state["interpret"]) for state in states] == wanted
        room = ray.actors[1].worker._host._where[ann]  # type: ignore[union-attr]
        assert room.languages.several and not room.switches()["assistant"]
        assert set(room._session._interpreting._listeners.values()) == {"en"}, "Bob hears Ann in English"

    drive(monkeypatch, work)
