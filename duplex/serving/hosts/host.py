"""Who holds calls: the interface between the HTTP front end and what runs the sessions, and a host in this process.

The front end knows nothing but this interface, so a call may as well live in another process, or on another machine.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from duplex.engines import Engines
from duplex.serving.hosts.fair_pool import SharedPool
from duplex.serving.hosts.retention import Recordings
from duplex.serving.hosts.shedding import Lateness, Shedder, Step
from duplex.serving.hosts.warm_up import RESTORATIONS, warm_up
from duplex.serving.http.auth import new_id
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.call import Call, Peer
from duplex.serving.rooms.event_log import export
from duplex.serving.rooms.handover import Past
from duplex.serving.rooms.room import Room, Services
from duplex.settings import Settings
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, DuplexError, SettingsError
from duplex.streaming.pool import InferencePool

log = logging.getLogger(__name__)

UPKEEP = 0.5
"""Seconds between two looks at lateness and time limits."""

PeerFactory = Callable[[str], Peer]
"""A call's id to a fresh connection."""


@dataclass(frozen=True, slots=True)
class Load:
    """How a host is doing. late_ms: 95th percentile of frame lateness. shed: what it has given up."""

    host: str
    calls: int
    online: int
    rooms: int
    capacity: int
    late_ms: float
    cpu: float = 0.0
    """Share of a core that the process has taken lately."""
    shed: tuple[str, ...] = ()
    draining: bool = False
    counters: dict[str, float] = field(default_factory=dict)
    steps: dict[str, tuple[int, float]] = field(default_factory=dict)
    """Model steps by name: how many there were, and the seconds they took."""

    @property
    def accepts(self) -> bool:
        return not self.draining and self.calls < self.capacity and "new calls" not in self.shed


@dataclass(frozen=True, slots=True)
class News:
    """What has happened in the room `room` since somebody last asked: events, and the number of the next.

    over: whether the call that was asked about has ended.
    """

    room: str
    events: list[dict[str, Any]]
    end: int
    over: bool


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a call comes from when it is not new: its id and name stay what they were."""

    call: str
    past: Past


class CallHost(Protocol):
    """Holds calls. Every method that names one raises CallError if it is unknown or over."""

    async def create(self, wish: CallRequest, placement: Placement | None = None) -> dict[str, Any]:
        """A new call: {"session", "name", "room", "parties", "offers"}. Raises CallError if there is no room for it."""
        ...

    async def offer(self, call: str, sdp: str) -> str:
        """A browser's offer to the answer. Raises TransportError on an unusable one."""
        ...

    async def state(self, call: str) -> dict[str, Any]: ...

    async def export(self, call: str, name: str) -> tuple[str, str]:
        """(media type, text) of a download."""
        ...

    async def consent(self, call: str, record: bool) -> dict[str, Any]: ...

    async def recording(self, call: str, offset: int, size: int) -> bytes:
        """Bytes of the recording from `offset` on; none at its end. Raises CallError if there is none."""
        ...

    async def delete_recording(self, call: str) -> None: ...

    async def close(self, call: str) -> None:
        """Hang up; what was said can be fetched for a while. Once more: forget it."""
        ...

    async def load(self) -> list[Load]:
        """Of each process that holds calls."""
        ...

    async def drain(self, seconds: float) -> None:
        """No new calls; returns when the last one is over, at the latest after `seconds`."""
        ...

    async def stop(self) -> None: ...


class LocalHost:
    """A CallHost in this process: one set of engines, one inference pool, fairly shared.

    name: for the metrics. Use as an async context manager. Raises DuplexError if the engines cannot be had.
    """

    def __init__(
        self,
        settings: Settings,
        make_peer: PeerFactory,
        *,
        clock: Clock,
        limits: Limits | None = None,
        recordings: Recordings | None = None,
        engines: Engines | None = None,
        pool: InferencePool | None = None,
        shedder: Shedder | None = None,
        name: str = "local",
    ) -> None:
        self.name = name
        self.limits = limits or Limits()
        self.counters = dict.fromkeys(
            ("created", "refused", "ended", "offers", "reconnected", "failed_offers", "shed"), 0.0
        )
        self._settings = settings
        self._make_peer = make_peer
        self._clock = clock
        self._recordings = recordings
        self._engines = engines
        self._own_engines = engines is None
        self._restorations = RESTORATIONS
        self._pool = pool or InferencePool(settings.workers, inline=clock.virtual)
        self._shared = SharedPool(self._pool)
        self._lateness = Lateness()
        self._shedder = shedder or Shedder()
        self._calls: dict[str, Call] = {}
        self._where: dict[str, Room] = {}
        self._named: dict[str, Room] = {}
        self._ended: dict[str, float] = {}
        self._coming = 0
        self._cpu = 0.0
        self._draining = False
        self._upkeep: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> LocalHost:
        if self._engines is None:
            self._engines = await self._pool.run("load", Engines.from_settings, self._settings)
            self._restorations = await self._pool.run("load", warm_up, self._settings, self._engines)
        self._services = Services(self._engines, self.limits, self._clock, self._lateness, self._recordings)
        self._upkeep = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.stop()

    # CallHost.

    async def create(self, wish: CallRequest, placement: Placement | None = None) -> dict[str, Any]:
        self._check_room_for_one_more()
        settings = wish.settings_on(self._settings)
        if settings.restore not in self._restorations:
            raise SettingsError("settings: this server cannot restore sound")
        self._coming += 1
        try:
            room = self._named.get(wish.room) if wish.room else None
            if room is None or room.over:
                past = placement.past if placement else None
                share = self._shared.share(wish.room or wish.name)
                room = Room(wish.room or None, wish.name, settings, self._services, share, past)
                if wish.room:
                    self._named[wish.room] = room
            id = placement.call if placement else new_id()
            call = Call(id, wish.name, room, partial(self._make_peer, id), self.limits, self._clock)
            try:
                await room.ready()
                await room.join(call)
            except BaseException:
                if not room.calls:
                    await self._close_room(room)
                raise
        finally:
            self._coming -= 1
        self._calls[call.id] = call
        self._where[call.id] = room
        self.counters["created"] += 1
        for step in self._shedder.given_up:
            await room.pause(step.name, True)
        if wish.record and room.recording.offered:
            room.recording.agree(call.name, True)
        return {
            "session": call.id,
            "name": call.name,
            "room": room.name,
            "parties": room.parties,
            "offers": self._offers(room),
        }

    async def offer(self, call: str, sdp: str) -> str:
        found = self._open(call)
        again = found.answered > 0
        try:
            answer = await found.offer(sdp)
        except DuplexError:
            self.counters["failed_offers"] += 1
            raise
        self.counters["offers"] += 1
        self.counters["reconnected"] += again
        return answer

    async def state(self, call: str) -> dict[str, Any]:
        found, room = self._known(call)
        return {
            "session": call,
            "state": "ended" if found.over else "open",
            "name": found.name,
            "room": room.name,
            "parties": room.parties,
            "online": found.online,
            "offers": self._offers(room),
            "switches": {name: value for name, value in room.switches().items() if name != "type"},
            "recording": {"agreed": room.recording.agreed(found.name), "exists": room.recording.sound is not None},
            "events": room.journal.events(),
            "end": room.journal.end,
        }

    async def export(self, call: str, name: str) -> tuple[str, str]:
        _, room = self._known(call)
        events = list(room.journal.lasting())
        return await self._shared.share("export").run("export", export, events, name)

    async def consent(self, call: str, record: bool) -> dict[str, Any]:
        found, room = self._open(call), self._where[call]
        room.recording.agree(found.name, record)
        return {"agreed": record, "running": room.recording.running}

    async def recording(self, call: str, offset: int, size: int) -> bytes:
        _, room = self._known(call)
        path = room.recording.sound
        if path is None:
            raise CallError("this call has no recording")
        try:
            with path.open("rb") as file:
                file.seek(offset)
                return file.read(size)
        except OSError as error:
            raise CallError(f"the recording is gone ({error.strerror})") from None

    async def delete_recording(self, call: str) -> None:
        _, room = self._known(call)
        room.delete_recording()

    async def close(self, call: str) -> None:
        found, _ = self._known(call)
        if found.over:
            self._forget(call)
        else:
            await self._end(found)

    async def load(self) -> list[Load]:
        online = sum(call.online for call in self._calls.values())
        return [
            Load(
                self.name,
                self._present() + self._coming,
                online,
                len({id(room) for call, room in self._where.items() if not self._calls[call].over}),
                self.limits.calls,
                1000.0 * self._lateness.quantile(),
                self._cpu,
                tuple(step.name for step in self._shedder.given_up),
                self._draining,
                dict(self.counters),
                {name: (timing.calls, timing.total) for name, timing in self._pool.timings.items()},
            )
        ]

    async def drain(self, seconds: float) -> None:
        self._draining = True
        for room in self._rooms():
            room.notice(f"The server stops in {seconds:.0f} s.")
        until = self._clock.now() + seconds
        while self._present() and self._clock.now() < until:
            await self._clock.sleep_until(min(until, self._clock.now() + 0.1))

    async def stop(self) -> None:
        self._draining = True
        if self._upkeep is not None:
            self._upkeep.cancel()
            await asyncio.wait([self._upkeep])
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*(self._end(call) for call in tuple(self._calls.values()) if not call.over))
        await asyncio.gather(*(self._close_room(room) for room in self._rooms()))
        self._pool.close()
        if self._own_engines and self._engines is not None:
            await self._engines.close()

    # What a cluster's front end keeps a copy of.

    def news(self, call: str, since: int) -> News:
        """Of the call's room, from event number `since` on. Raises CallError."""
        found, room = self._known(call)
        return News(room.id, room.journal.lasting(since), room.journal.end, found.over)

    # Inside.

    def _check_room_for_one_more(self) -> None:
        if self._draining:
            refused = CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        elif self._present() + self._coming >= self.limits.calls:
            refused = CallError(f"the server is full: {self.limits.calls} calls", "full", retry_after=30.0)
        elif self._shedder.sheds("new calls"):
            refused = CallError("the server is too busy for another call", "full", retry_after=15.0)
        else:
            return
        self.counters["refused"] += 1
        raise refused

    def _known(self, call: str) -> tuple[Call, Room]:
        found = self._calls.get(call)
        if found is None:
            raise CallError("there is no such call")
        return found, self._where[call]

    def _open(self, call: str) -> Call:
        found, _ = self._known(call)
        if found.over:
            raise CallError("this call is over: begin a new one", "over")
        return found

    def _present(self) -> int:
        return sum(not call.over for call in self._calls.values())

    def _rooms(self) -> list[Room]:
        return list({id(room): room for room in [*self._where.values(), *self._named.values()]}.values())

    def _offers(self, room: Room) -> dict[str, Any]:
        return {
            "restoration": list(self._restorations),
            "assistant": True,
            "translation": [],
            "recording": room.recording.offered,
        }

    async def _end(self, call: Call) -> None:
        if call.over:
            return
        call.over = True
        room = self._where[call.id]
        self.counters["ended"] += 1
        self._ended[call.id] = self._clock.now()
        await room.leave(call)
        if not room.calls:
            await self._close_room(room)

    async def _close_room(self, room: Room) -> None:
        if room.name and self._named.get(room.name) is room:
            del self._named[room.name]
        await room.close()

    def _forget(self, call: str) -> None:
        del self._calls[call], self._where[call]
        self._ended.pop(call, None)

    async def _keep_up(self) -> None:
        sweep_at, used, at = 0.0, time.process_time(), self._clock.now()
        while True:
            began = self._clock.now()
            if began > at:
                taken, used = time.process_time() - used, time.process_time()
                self._cpu += 0.3 * (taken / (began - at) - self._cpu)
                at = began
            try:
                self._watch_load(began)
                self._watch_times(began)
                if self._recordings is not None and began >= sweep_at:
                    sweep_at = began + 60.0
                    await self._shared.share("retention").run("sweep", self._recordings.sweep)
            except Exception as error:
                log.error("upkeep failed", exc_info=error)
            await self._clock.sleep_until(began + UPKEEP)

    def _watch_load(self, now: float) -> None:
        taken = self._shedder.level
        step = self._shedder.observe(self._lateness.quantile(), now)
        self._lateness.turn()
        if step is None:
            return
        shed = self._shedder.level > taken
        self._lateness.clear()
        self.counters["shed"] += shed
        log.warning("load: %s %s", step.name, "given up" if shed else "taken up again")
        self._spawn(self._pause(step, shed))

    async def _pause(self, step: Step, paused: bool) -> None:
        for room in self._rooms():
            if room.concerned(step.name) and not room.over:
                room.notice(step.told if paused else step.back)
            with suppress(DuplexError):
                await room.pause(step.name, paused)

    def _watch_times(self, now: float) -> None:
        for call in tuple(self._calls.values()):
            self._watch_time(call, now)

    def _watch_time(self, call: Call, now: float) -> None:
        room = self._where[call.id]
        if call.over:
            if now - self._ended.get(call.id, now) > self.limits.keep_ended:
                self._forget(call.id)
            return
        reason = ""
        if call.alone_since is not None and now - call.alone_since > self.limits.reconnect:
            reason = "the connection did not come back"
        elif now - call.began > self.limits.longest:
            reason = f"a call lasts {self.limits.longest / 3600:g} h at most"
        elif now - room.last_sound > self.limits.idle:
            reason = f"nobody has spoken for {self.limits.idle / 60:g} min"
        elif room.over:
            reason = "its session has failed"
        if reason:
            call.tell({"type": "notice", "text": f"The call has ended: {reason}."})
            log.info("call %s: ended: %s", call.id[:6], reason)
            self._spawn(self._end(call))

    def _spawn(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
