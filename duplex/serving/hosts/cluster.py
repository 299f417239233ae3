"""Calls spread over a Ray cluster: workers hold them, the front end places them by measured load.

The front end keeps a copy of what is said in every room. When a worker dies its calls are lost for a moment only: the
page comes back with a new offer, as after any loss of the network, and the call goes on in another worker, which is
given the transcript so far, and so the assistant's memory, the timers that are still pending, and the languages that
each speaks, hears and reads captions in. A conversation on a wire of its own, which programs hold, ends with its
worker; what was said in it can still be fetched.

Long because everything that a server asks of a cluster is asked of this one object.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from duplex.ray_connection import connect
from duplex.serving.hosts.cluster_calls import PlacedCall, PlacedRoom
from duplex.serving.hosts.cluster_workers import ANSWER, ClusterWorkers, WorkerHandle
from duplex.serving.hosts.contract import Door, Load, News, Placement
from duplex.serving.hosts.worker import WorkerOptions
from duplex.serving.http.auth import new_id
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.event_log import export
from duplex.serving.rooms.handover import ResumeState
from duplex.serving.rooms.session_keeper import PARTY
from duplex.serving.supervised_tasks import SupervisedTasks
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError
from duplex.streaming.loop_watchdog import LoopWatchdog

log = logging.getLogger(__name__)

NEWS = 0.5
"""Seconds between two looks at a worker: what was said, and how it is doing."""

_NO_EVENT = 1 << 62
"""A number that no event has."""


class ClusterHost:
    """A CallHost over a cluster. Use as an async context manager.

    address: of a running cluster; None for the one that RAY_ADDRESS names, else a new one on this machine.
    workers: how many; each takes one CPU. Raises ModelError without `ray`, EndpointError without a cluster or when no
    worker comes up.
    """

    def __init__(
        self, options: WorkerOptions, *, clock: Clock, address: str | None = None, workers: int | None = None
    ) -> None:
        self._options = options
        self._limits: Limits = options.limits
        self._clock = clock
        self._address = address
        self._count = workers
        self._workers: ClusterWorkers | None = None
        self._rooms: dict[str, PlacedRoom] = {}
        self._calls: dict[str, PlacedCall] = {}
        self._moved = 0
        self._draining = False
        self._tasks = SupervisedTasks("cluster")
        self._watchdog = LoopWatchdog()

    async def __aenter__(self) -> ClusterHost:
        self._ray, self._own = connect(self._address)
        try:
            self._workers = ClusterWorkers(self._ray, self._options, self._clock, self._hear, self._lose)
            await self._workers.start(self._count or max(1, int(self._ray.cluster_resources().get("CPU", 1))))
            self._tasks.spawn("news", self._keep_up())
            await self._watchdog.__aenter__()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.stop()

    async def create(self, request: CallRequest, placement: Placement | None = None) -> dict[str, Any]:
        if self._draining:
            raise CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        id = placement.call if placement else new_id()
        key = f"room {request.room}" if request.room else id
        room = self._rooms.get(key)
        if room is None or not self._lives(room):  # what was said in an earlier room of that name is nobody's business
            room = self._rooms[key] = PlacedRoom(key, self._clock.now())
        call = PlacedCall(id, request, room, {})
        try:
            await self._place(call)
        except BaseException:
            self._forget_empty(room)
            raise
        self._calls[id] = call
        return call.made

    def voices(self) -> frozenset[str]:
        return frozenset().union(*(door.voices for door in self.doors()))

    def doors(self) -> list[Door]:
        return [worker.door for worker in self._running().up if worker.door is not None]

    @contextmanager
    def door(self, *, call: bool = False) -> Iterator[Door]:
        if self._draining:
            raise CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        worker = self._choose()
        if worker.door is None:
            raise CallError(f"{worker.name} serves no programs", "failed")
        worker.coming += call
        try:
            yield worker.door
        finally:
            worker.coming -= call
        if call and worker.load is not None:
            worker.load = replace(worker.load, calls=worker.load.calls + 1)

    async def offer(self, call: str, sdp: str) -> str:
        held = self._known(call)
        while True:
            if held.over:
                raise CallError("this call is over: begin a new one", "over")
            if held.worker is None:
                await self._go_on(held)
            try:
                answer: str = await self._ask(held, "offer", sdp)
                return answer
            except CallError as error:
                if error.reason != "lost":
                    raise

    async def state(self, call: str, since: int = 0, most: int | None = None) -> dict[str, Any]:
        held = self._known(call)
        with suppress(CallError):
            if held.worker is not None:
                state: dict[str, Any] = await self._ask(held, "state", since, most)
                return state
        told = {"state": "ended" if held.over else "open", "online": False, "captions": held.captions}
        spoken = {"speaks": held.request.speaks or held.made["offers"]["languages"][0]}
        told |= {**spoken, "interpret": held.request.interpret}
        return {**held.made, **told, **held.room.page(since, most)}

    async def export(self, call: str, name: str) -> tuple[str, str]:
        held = self._known(call)
        if held.worker is None:
            return await asyncio.to_thread(export, list(held.room.events), name)
        exported: tuple[str, str] = await self._ask(held, "export", name)
        return exported

    async def consent(self, call: str, record: bool) -> dict[str, Any]:
        held = self._known(call)
        told: dict[str, Any] = await self._ask(held, "consent", record)
        held.request = replace(held.request, record=record)
        return told

    async def recording(self, call: str, offset: int, size: int) -> bytes:
        piece: bytes = await self._ask(self._known(call), "recording", offset, size)
        return piece

    async def delete_recording(self, call: str) -> None:
        await self._ask(self._known(call), "delete_recording")

    async def close(self, call: str) -> None:
        held = self._known(call)
        if held.worker is None:
            self._drop(held)
        else:
            await self._ask(held, "close")
            held.over = True

    async def load(self) -> list[Load]:
        workers = self._running()
        lost = sum(call.worker is None and not call.own_wire for call in self._calls.values())
        counters = {"moved": float(self._moved), "deaths": float(workers.deaths)}
        watchdog = self._watchdog
        loop = {"longest": watchdog.longest, "p99": watchdog.quantile(0.99), "stalls": float(watchdog.stalls(0.02))}
        front = Load("front end", lost, 0, 0, 0, 0.0, draining=self._draining, counters=counters, loop=loop)
        return [*(worker.load for worker in workers.up if worker.load is not None), front]

    async def drain(self, seconds: float) -> None:
        self._draining = True
        workers = self._running()
        drains = (workers.call(worker, "drain", seconds, seconds=seconds + ANSWER) for worker in workers.up)
        await asyncio.gather(*drains, return_exceptions=True)

    async def stop(self) -> None:
        self._draining = True
        try:
            await self._tasks.cancel()
            if self._workers is not None:
                await self._workers.stop()
            await self._watchdog.__aexit__(None, None, None)
        finally:
            if self._own:
                self._ray.shutdown()

    async def _place(self, call: PlacedCall) -> None:
        """Give the call to its room's worker; a room that has none gets the one under the least pressure."""
        room = call.room
        async with room.placing:
            worker = room.worker or self._choose()
            worker.coming += 1
            try:
                passed = round((self._clock.now() - room.began) * SAMPLE_RATE) if room.events else 0
                resume = ResumeState(tuple(room.events), passed)
                packed = await asyncio.to_thread(resume.pack) if room.events else b""
                placement = Placement(call.id, packed, call.captions)
                undo = partial(self._undo, worker, call.id)
                made = await self._running().call(worker, "create", call.request, placement, late=undo)
            finally:
                worker.coming -= 1
            if worker.load is not None:
                worker.load = replace(worker.load, calls=worker.load.calls + 1)
            if room.worker is None:
                room.id, room.end = "", len(room.events)
            room.worker = call.worker = worker
            call.made, call.lost_since = made, None
            call.request = replace(call.request, name=made["name"])

    async def _go_on(self, call: PlacedCall) -> None:
        """The call has lost its worker: give it to another, with all that was said."""
        await self._place(call)
        self._moved += 1
        log.warning("call %s goes on in %s", call.id[:6], call.worker.name if call.worker else "nobody's hands")

    def _choose(self) -> WorkerHandle:
        workers = self._running().up
        accepting = [worker for worker in workers if worker.accepts()]
        if accepting:
            return min(accepting, key=lambda worker: worker.pressure(self._options.late))
        if workers:
            raise CallError("every worker is full or too busy", "full", retry_after=15.0)
        raise CallError("no worker is up", "lost", retry_after=5.0)

    async def _undo(self, worker: WorkerHandle, call: str) -> None:
        """A call was made after its caller had been told that it took too long: end and forget it."""
        held = self._calls.get(call)
        if held is None or held.worker is not worker:
            for _ in range(2):
                await self._running().call(worker, "close", call)

    async def _keep_up(self) -> None:
        """Keep a copy of what is said in every room, worker by worker; forget calls whose time is over."""
        asking: dict[WorkerHandle, asyncio.Task[None]] = {}
        while True:
            await self._clock.sleep_until(self._clock.now() + NEWS)
            asking = {worker: task for worker, task in asking.items() if not task.done()}
            for worker in self._running().up:
                if worker not in asking:  # a slow worker is not asked again before it has answered
                    asking[worker] = self._tasks.spawn(f"news of {worker.name}", self._hear_calmly(worker))
            self._forget_lost()

    async def _hear_calmly(self, worker: WorkerHandle) -> None:
        with suppress(CallError):
            await self._hear(worker)

    async def _hear(self, worker: WorkerHandle) -> None:
        """Of every call there whether it is known and over; of every room its events, by the newest of its calls."""
        calls = [call for call in self._calls.values() if call.worker is worker]
        speakers = {call.room.key: call for call in calls if call.room.worker is worker and not call.over}
        since = {call.id: call.room.end if speakers.get(call.room.key) is call else _NO_EVENT for call in calls}
        loads, news = await self._running().answer(worker, worker.actor.news.remote(since))
        worker.load = loads[0]
        for call in calls:
            told: News | None = news[call.id]
            if told is None:
                self._drop(call)
                continue
            call.over, call.captions = told.over, told.captions
            if not told.over:  # who has left speaks nothing any more
                call.request = replace(call.request, speaks=told.speaks, interpret=told.interpret)
            if speakers.get(call.room.key) is call and call.room.worker is worker:
                call.room.follow(told, since[call.id])
        for id in news.keys() - since.keys():
            if id not in self._calls and news[id] is not None:
                self._get_to_know(id, worker, news[id])

    def _get_to_know(self, id: str, worker: WorkerHandle, news: News) -> None:
        """A conversation that the worker has begun by itself, on a wire of its own."""
        room = PlacedRoom(id, self._clock.now(), worker)
        room.follow(news, 0)
        offers = {"languages": [self._options.settings.language]}
        made = {"session": id, "name": PARTY, "room": None, "parties": [PARTY], "offers": offers}
        request = CallRequest(PARTY)
        self._rooms[id] = room
        self._calls[id] = PlacedCall(id, request, room, made, worker, over=news.over, own_wire=True)

    async def _ask(self, call: PlacedCall, method: str, *args: Any) -> Any:
        if call.worker is None:
            raise CallError("the call has lost its worker: connect again", "lost", retry_after=1.0)
        return await self._running().call(call.worker, method, call.id, *args)

    def _lose(self, worker: WorkerHandle, why: str) -> None:
        """A worker has died: its calls wait until their pages come back."""
        lost = [call for call in self._calls.values() if call.worker is worker]
        for call in lost:
            call.worker, call.lost_since = None, self._clock.now()
            call.room.worker = None
            call.over = call.over or call.own_wire
        log.error("cluster: %s is gone (%s); %d calls wait to go on elsewhere", worker.name, why, len(lost))

    def _running(self) -> ClusterWorkers:
        if self._workers is None:
            raise CallError("the cluster is not up", "lost", retry_after=5.0)
        return self._workers

    def _known(self, call: str) -> PlacedCall:
        held = self._calls.get(call)
        if held is None:
            raise CallError("there is no such call")
        return held

    def _lives(self, room: PlacedRoom) -> bool:
        return room.placing.locked() or any(call.room is room and not call.over for call in self._calls.values())

    def _forget_lost(self) -> None:
        for call in tuple(self._calls.values()):
            if call.lost_since is None:
                continue
            lost = self._clock.now() - call.lost_since
            call.over = call.over or lost > self._limits.reconnect
            if lost > self._limits.keep_ended:
                self._drop(call)

    def _drop(self, call: PlacedCall) -> None:
        self._calls.pop(call.id, None)
        self._forget_empty(call.room)

    def _forget_empty(self, room: PlacedRoom) -> None:
        if self._rooms.get(room.key) is room and not any(call.room is room for call in self._calls.values()):
            del self._rooms[room.key]
