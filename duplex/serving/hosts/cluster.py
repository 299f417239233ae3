"""Calls spread over a Ray cluster: workers hold them, the front end places them by measured load.

The front end keeps a copy of what is said in every room. When a worker dies its calls are lost for a moment only: the
page comes back with a new offer, as after any loss of the network, and the call goes on in another worker, which is
given the transcript so far, and so the assistant's memory, and the timers that are still pending.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from duplex.ray_connection import connect
from duplex.serving.hosts.host import Load, News, Placement
from duplex.serving.hosts.worker import Worker, WorkerOptions
from duplex.serving.http.auth import new_id
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.event_log import MOST, export
from duplex.serving.rooms.handover import Past
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, EndpointError

log = logging.getLogger(__name__)

NEWS = 0.5
"""Seconds between two looks at a worker: what was said, and how it is doing."""

START = 120.0
"""Seconds in which a worker must come up."""

_NONE = 1 << 62
"""A number that no event has."""

ANSWER = 15.0
"""Seconds in which a worker must answer; one that does not is ended."""


@dataclass(eq=False)
class _Worker:
    name: str
    actor: Any
    load: Load | None = None
    coming: int = 0
    """Calls on their way there, which its last word about its load does not know of."""

    def pressure(self, late: float) -> tuple[float, int]:
        """How busy it is: 1 is as much as it can bear. late: seconds that frames may be."""
        assert self.load is not None
        calls = self.load.calls + self.coming
        return max(calls / max(1, self.load.capacity), self.load.late_ms / (1000.0 * late), self.load.cpu), calls

    def accepts(self) -> bool:
        return self.load is not None and self.load.accepts and self.load.calls + self.coming < self.load.capacity


@dataclass(eq=False)
class _Room:
    """What the front end knows of a room. worker: None while it has none. key: its name, or its one call's id."""

    key: str
    began: float
    worker: _Worker | None = None
    id: str = ""
    """As its worker knows it; empty before the first news."""
    events: list[dict[str, Any]] = field(default_factory=list)
    end: int = 0
    """The number of events there have been."""
    placing: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(eq=False)
class _Call:
    id: str
    wish: CallRequest
    room: _Room
    made: dict[str, Any]
    """What `create` said of it."""
    worker: _Worker | None = None
    """Where it is; another than the room's if the room has moved on without it."""
    lost_since: float | None = None
    over: bool = False


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
        self._workers: list[_Worker] = []
        self._rooms: dict[str, _Room] = {}
        self._calls: dict[str, _Call] = {}
        self._numbers = itertools.count(1)
        self._moved = 0
        self._deaths = 0
        self._draining = False
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> ClusterHost:
        self._ray, self._own = connect(self._address)
        self._class = self._ray.remote(num_cpus=1, max_concurrency=1000)(Worker)
        count = self._count or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        try:
            started = await asyncio.gather(*(self._start() for _ in range(count)), return_exceptions=True)
            failures = [outcome for outcome in started if isinstance(outcome, BaseException)]
            if len(failures) == count:
                raise failures[0]
            for failure in failures:
                log.error("cluster: a worker did not come up: %s", failure)
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.stop()

    # CallHost.

    async def create(self, wish: CallRequest, placement: Placement | None = None) -> dict[str, Any]:
        if self._draining:
            raise CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        id = placement.call if placement else new_id()
        key = f"room {wish.room}" if wish.room else id
        room = self._rooms.get(key)
        if room is None or not self._lives(room):  # what was said in an earlier room of that name is nobody's business
            room = self._rooms[key] = _Room(key, self._clock.now())
        call = _Call(id, wish, room, {})
        try:
            await self._place(call)
        except BaseException:
            self._forget_empty(room)
            raise
        self._calls[id] = call
        return call.made

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

    async def state(self, call: str) -> dict[str, Any]:
        held = self._known(call)
        with suppress(CallError):
            if held.worker is not None:
                state: dict[str, Any] = await self._ask(held, "state")
                return state
        told = {"state": "ended" if held.over else "open", "online": False}
        return {**held.made, **told, "events": held.room.events, "end": held.room.end}

    async def export(self, call: str, name: str) -> tuple[str, str]:
        held = self._known(call)
        if held.worker is None:
            return export(held.room.events, name)
        exported: tuple[str, str] = await self._ask(held, "export", name)
        return exported

    async def consent(self, call: str, record: bool) -> dict[str, Any]:
        held = self._known(call)
        told: dict[str, Any] = await self._ask(held, "consent", record)
        held.wish = replace(held.wish, record=record)
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
        lost = sum(call.worker is None for call in self._calls.values())
        counters = {"moved": float(self._moved), "deaths": float(self._deaths)}
        front = Load("front end", lost, 0, 0, 0, 0.0, draining=self._draining, counters=counters)
        return [*(worker.load for worker in self._workers if worker.load is not None), front]

    async def drain(self, seconds: float) -> None:
        self._draining = True
        drains = [(worker, worker.actor.call.remote("drain", seconds)) for worker in self._workers]
        await asyncio.gather(
            *(self._remote(worker, drain, seconds + ANSWER) for worker, drain in drains), return_exceptions=True
        )

    async def stop(self) -> None:
        self._draining = True
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        stops = [(worker, worker.actor.call.remote("stop")) for worker in self._workers]
        await asyncio.gather(*(self._remote(worker, stop) for worker, stop in stops), return_exceptions=True)
        for worker in self._workers:
            self._kill(worker)
        self._workers.clear()
        if self._own:
            self._ray.shutdown()

    # Placing.

    async def _place(self, call: _Call) -> None:
        """Give the call to its room's worker; a room that has none gets the one under the least pressure."""
        room = call.room
        async with room.placing:
            worker = room.worker or self._choose()
            worker.coming += 1
            try:
                passed = round((self._clock.now() - room.began) * SAMPLE_RATE) if room.events else 0
                placement = Placement(call.id, Past(tuple(room.events), passed))
                made = await self._remote(worker, worker.actor.call.remote("create", call.wish, placement))
            finally:
                worker.coming -= 1
            if worker.load is not None:
                worker.load = replace(worker.load, calls=worker.load.calls + 1)
            if room.worker is None:
                room.id, room.end = "", len(room.events)
            room.worker = call.worker = worker
            call.made, call.lost_since = made, None
            call.wish = replace(call.wish, name=made["name"])

    async def _go_on(self, call: _Call) -> None:
        """The call has lost its worker: give it to another, with all that was said."""
        await self._place(call)
        self._moved += 1
        log.warning("call %s goes on in %s", call.id[:6], call.worker.name if call.worker else "nobody's hands")

    def _choose(self) -> _Worker:
        accepting = [worker for worker in self._workers if worker.accepts()]
        if accepting:
            return min(accepting, key=lambda worker: worker.pressure(self._options.late))
        if self._workers:
            raise CallError("every worker is full or too busy", "full", retry_after=15.0)
        raise CallError("no worker is up", "lost", retry_after=5.0)

    # Workers.

    async def _start(self) -> None:
        name = f"worker {next(self._numbers)}"
        worker = _Worker(name, self._class.remote(name, self._options))
        try:
            async with asyncio.timeout(START):
                started, error = await worker.actor.start.remote()
        except TimeoutError:
            self._kill(worker)
            raise EndpointError(f"cluster: {name} did not come up within {START:.0f} s; is a CPU free?") from None
        except self._ray.exceptions.RayError as failure:
            self._kill(worker)
            reason = " ".join(str(failure).split())[:300]
            raise EndpointError(f"cluster: {name} cannot be started: {reason}") from failure
        if not started:
            self._kill(worker)
            raise error
        self._workers.append(worker)
        await self._hear(worker)
        self._spawn(self._watch(worker))

    async def _watch(self, worker: _Worker) -> None:
        """Until it dies: what was said there, and how it is doing. Then another takes its place."""
        while worker in self._workers:
            await self._clock.sleep_until(self._clock.now() + NEWS)
            with suppress(CallError):
                await self._hear(worker)
            self._forget_lost()
        while not self._draining:
            try:
                return await self._start()
            except EndpointError as error:
                log.error("%s", error)
                await self._clock.sleep_until(self._clock.now() + 5.0)

    async def _hear(self, worker: _Worker) -> None:
        """Of every call there whether it is known and over; of every room its events, by the newest of its calls."""
        calls = [call for call in self._calls.values() if call.worker is worker]
        speakers = {call.room.key: call for call in calls if call.room.worker is worker and not call.over}
        since = {call.id: call.room.end if speakers.get(call.room.key) is call else _NONE for call in calls}
        loads, news = await self._remote(worker, worker.actor.news.remote(since), wrapped=False)
        worker.load = loads[0]
        for call in calls:
            told: News | None = news[call.id]
            if told is None:
                self._drop(call)
                continue
            call.over = told.over
            if speakers.get(call.room.key) is call and call.room.worker is worker:
                _follow(call.room, told, since[call.id])

    async def _ask(self, call: _Call, method: str, *args: Any) -> Any:
        if call.worker is None:
            raise CallError("the call has lost its worker: connect again", "lost", retry_after=1.0)
        return await self._remote(call.worker, call.worker.actor.call.remote(method, call.id, *args))

    async def _remote(
        self, worker: _Worker, asked: Awaitable[Any], seconds: float = ANSWER, *, wrapped: bool = True
    ) -> Any:
        """What a worker answers. Raises what it raised, CallError if it is gone."""
        try:
            async with asyncio.timeout(seconds):
                answer = await asked
        except (TimeoutError, self._ray.exceptions.RayError) as error:
            self._died(worker, type(error).__name__)
            raise CallError("the call has lost its worker: connect again", "lost", retry_after=1.0) from None
        if not wrapped:
            return answer
        done, value = answer
        if not done:
            raise value
        return value

    def _died(self, worker: _Worker, why: str) -> None:
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._kill(worker)
        self._deaths += 1
        lost = [call for call in self._calls.values() if call.worker is worker]
        for call in lost:
            call.worker, call.lost_since = None, self._clock.now()
            call.room.worker = None
        log.error("cluster: %s is gone (%s); %d calls wait to go on elsewhere", worker.name, why, len(lost))

    def _kill(self, worker: _Worker) -> None:
        with suppress(self._ray.exceptions.RayError):
            self._ray.kill(worker.actor)

    # Bookkeeping.

    def _known(self, call: str) -> _Call:
        held = self._calls.get(call)
        if held is None:
            raise CallError("there is no such call")
        return held

    def _lives(self, room: _Room) -> bool:
        return room.placing.locked() or any(call.room is room and not call.over for call in self._calls.values())

    def _forget_lost(self) -> None:
        for call in tuple(self._calls.values()):
            if call.lost_since is None:
                continue
            lost = self._clock.now() - call.lost_since
            call.over = call.over or lost > self._limits.reconnect
            if lost > self._limits.keep_ended:
                self._drop(call)

    def _drop(self, call: _Call) -> None:
        self._calls.pop(call.id, None)
        self._forget_empty(call.room)

    def _forget_empty(self, room: _Room) -> None:
        if self._rooms.get(room.key) is room and not any(call.room is room for call in self._calls.values()):
            del self._rooms[room.key]

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _follow(room: _Room, news: News, since: int) -> None:
    """The front end's copy of what was said."""
    if room.id and news.room != room.id:  # an earlier room of that name: ours begins anew
        room.id, room.events, room.end = news.room, [], 0
        return
    if room.end == since:
        room.id = news.room
        room.events.extend(news.events)
        del room.events[:-MOST]
        room.end = news.end
