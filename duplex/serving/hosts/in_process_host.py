"""A host that holds calls in this process: one set of engines, one inference pool, fairly shared.

Long because everything that the server asks of a host is asked of this one object.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from duplex.engines import Engines
from duplex.serving.disk import DiskThreads
from duplex.serving.hosts.contract import Load, News, PeerFactory, Place, Placement
from duplex.serving.hosts.fair_pool import SharedPool
from duplex.serving.hosts.retention import Recordings, read_piece, sweep_for_ever
from duplex.serving.hosts.shedding import Shedder
from duplex.serving.hosts.upkeep import PERIOD, LoadMonitor, reason_to_end
from duplex.serving.hosts.warm_up import RESTORATIONS, EngineOpening
from duplex.serving.http.auth import new_id
from duplex.serving.http.call_request import CallRequest
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.call import Call
from duplex.serving.rooms.event_log import export
from duplex.serving.rooms.room import Room
from duplex.serving.rooms.room_sink import SPOKEN
from duplex.serving.rooms.services import Services
from duplex.serving.rooms.session_keeper import SessionKeeper
from duplex.serving.supervised_tasks import SupervisedTasks
from duplex.settings import Settings
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, DuplexError, SettingsError
from duplex.streaming.pool import InferencePool, Steps

log = logging.getLogger(__name__)


class InProcessHost:
    """A CallHost in this process. name: for the metrics.

    Use as an async context manager. Raises DuplexError if the engines cannot be loaded; nothing stays open then.
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
            ("created", "refused", "ended", "offers", "reconnected", "failed_offers", "shed", *SPOKEN.values()), 0.0
        )
        self._settings = settings
        self._make_peer = make_peer
        self._clock = clock
        self._recordings = recordings
        self._engines = engines
        self._restorations = RESTORATIONS
        self._pool = pool or InferencePool(settings.workers, inline=clock.virtual)
        self._shared = SharedPool(self._pool)
        self._disk = DiskThreads(inline=clock.virtual)
        self._monitor = LoadMonitor(shedder or Shedder(), clock)
        self._calls: dict[str, Call] = {}
        self._where: dict[str, Room] = {}
        self._kept: dict[str, SessionKeeper] = {}
        self._named: dict[str, Room] = {}
        self._ended: dict[str, float] = {}
        self._coming = 0
        self._draining = False
        self._tasks = SupervisedTasks(f"host {name}")
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> InProcessHost:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._disk.aclose)
            opening = EngineOpening(self._pool, self._settings)
            await stack.enter_async_context(opening)
            if self._engines is None:
                self._engines, self._restorations = await opening.load()
            await stack.enter_async_context(self._monitor)
            self._services = Services(
                self._engines,
                self.limits,
                self._clock,
                self._monitor.lateness,
                self._disk,
                self._recordings,
                self._restorations,
                self.counters,
            )
            self._tasks.spawn("upkeep", self._keep_up())
            if self._recordings is not None:
                self._tasks.spawn("retention", sweep_for_ever(self._recordings, self._disk, self._clock))
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self.stop()

    # The calls (CallHost).

    async def create(self, request: CallRequest, placement: Placement | None = None) -> dict[str, Any]:
        self._check_capacity()
        settings = request.settings_on(self._settings)
        if settings.restore not in self._restorations:
            raise SettingsError("settings: this server cannot restore sound")
        self._coming += 1
        try:
            room = self._named.get(request.room) if request.room else None
            if room is None or room.over:
                resume = placement.resume if placement else b""
                share = self._shared.share(request.room or request.name)
                room = Room(request.room or None, request.name, settings, self._services, share, resume)
                if request.room:
                    self._named[request.room] = room
            id = placement.call if placement else new_id()
            call = Call(id, request.name, room, partial(self._make_peer, id), self.limits, self._clock)
            try:
                await room.ready()
                await room.join(call, request.speaks, request.interpret)
            except BaseException:
                if not room.calls:
                    await self._close_room(room)
                raise
        finally:
            self._coming -= 1
        self._calls[call.id] = call
        self._where[call.id] = room
        self.counters["created"] += 1
        for step in self._monitor.shedder.given_up:
            await room.shed(step, True)
        if request.record and room.recording.offered:
            with suppress(DuplexError):  # the call goes on without a recording; the page is told
                await room.agree(call, True)
        if placement and placement.captions:
            with suppress(DuplexError):  # nor does a translator that cannot be had here cost the call
                await room.captions.read(call.id, placement.captions)
        return {
            "session": call.id,
            "name": call.name,
            "room": room.name,
            "parties": room.parties,
            "offers": room.offers(),
        }

    def voices(self) -> frozenset[str]:
        return frozenset(voice.name for voice in self._services.engines.synthesizer.voices())

    @asynccontextmanager
    async def place(self, wire: str) -> AsyncIterator[Place]:
        self._check_capacity()
        keeper = SessionKeeper(f"sess_{secrets.token_hex(16)}", wire, self._settings, self._services)
        self._kept[keeper.id] = keeper
        self.counters["created"] += 1
        try:
            for step in self._monitor.shedder.given_up:
                await keeper.shed(step, True)
            steps = self._shared.share(wire)
            yield Place(self._settings, self._services.engines, steps, self._clock, self._make_peer, keeper)
        finally:
            self.counters["ended"] += 1
            self._ended[keeper.id] = self._clock.now()
            await keeper.close()
            if keeper.empty:
                self._forget(keeper.id)

    async def offer(self, call: str, sdp: str) -> str:
        found, _ = self._open(call)
        if isinstance(found, SessionKeeper):
            raise CallError("this conversation has a connection of its own", "wire")
        again = found.answered > 0
        try:
            answer = await found.offer(sdp)
        except DuplexError:
            self.counters["failed_offers"] += 1
            raise
        self.counters["offers"] += 1
        self.counters["reconnected"] += again
        return answer

    async def state(self, call: str, since: int = 0, most: int | None = None) -> dict[str, Any]:
        found, room = self._known(call)
        return {**room.describe(found), **room.event_log.page(since, most)}

    async def export(self, call: str, name: str) -> tuple[str, str]:
        _, room = self._known(call)
        return await self._disk.run(export, room.event_log.lasting(), name)

    async def consent(self, call: str, record: bool) -> dict[str, Any]:
        found, room = self._open(call)
        await room.agree(found, record)
        return {"agreed": record, "running": room.recording.running}

    async def recording(self, call: str, offset: int, size: int) -> bytes:
        _, room = self._known(call)
        path = room.recording.sound
        if path is None:
            raise CallError("this call has no recording")
        return await self._disk.run(read_piece, path, offset, size)

    async def delete_recording(self, call: str) -> None:
        _, room = self._known(call)
        await room.recording.delete()

    async def close(self, call: str) -> None:
        found, _ = self._known(call)
        if found.over:
            self._forget(call)
        else:
            await self._end(found)

    async def load(self) -> list[Load]:
        held = self._held()
        rooms = len({id(self._where.get(call.id, call)) for call in held})
        return [
            Load(
                self.name,
                len(held) + self._coming,
                sum(call.online for call in held),
                rooms,
                self.limits.calls,
                1000.0 * self._monitor.lateness.quantile(),
                self._monitor.cpu,
                self._monitor.shed,
                self._draining,
                dict(self.counters),
                {name: (timing.calls, timing.total) for name, timing in self._pool.timings.items()},
                dict(Counter(call.wire for call in held)),
                self._monitor.loop_lateness(),
            )
        ]

    async def drain(self, seconds: float) -> None:
        self._draining = True
        for room in self._rooms():
            room.notice(f"The server stops in {seconds:.0f} s.")
        until = self._clock.now() + seconds
        while len(self._held()) + self._coming and self._clock.now() < until:
            await self._clock.sleep_until(min(until, self._clock.now() + 0.1))

    async def stop(self) -> None:
        """End every call; close the pool and the engines. A call that cannot be ended does not keep the others."""
        self._draining = True
        await self._tasks.cancel()
        ends = [self._end(call) for call in self._held()]
        ended = await asyncio.gather(*ends, return_exceptions=True)
        ended += await asyncio.gather(*(self._close_room(room) for room in self._rooms()), return_exceptions=True)
        for failure in ended:
            if isinstance(failure, Exception):
                log.error("host %s: a call could not be ended", self.name, exc_info=failure)
        await self._stack.aclose()

    @property
    def engines(self) -> Engines:
        """Of the calls; while the host is entered."""
        return self._services.engines

    def share(self, name: str) -> Steps:
        """A share of the pool, for what is asked of this server besides calls."""
        return self._shared.share(name)

    def kept(self) -> list[str]:
        """Conversations of other wires than the page's that can still be asked about."""
        return list(self._kept)

    def news(self, call: str, since: int) -> News:
        """Of the call's room, from event number `since` on, for a front end that keeps a copy. Raises CallError."""
        found, room = self._known(call)
        log = room.event_log
        news = News(room.id, log.lasting(since), log.end, found.over)
        if isinstance(room, SessionKeeper):
            return news
        return replace(news, captions=room.captions.of(call), **room.languages.describe(found))

    def _check_capacity(self) -> None:
        if self._draining:
            refused = CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        elif len(self._held()) + self._coming >= self.limits.calls:
            refused = CallError(f"the server is full: {self.limits.calls} calls", "full", retry_after=30.0)
        elif self._monitor.shedder.sheds("new calls"):
            refused = CallError("the server is too busy for another call", "full", retry_after=15.0)
        else:
            return
        self.counters["refused"] += 1
        raise refused

    def _known(self, call: str) -> tuple[Call, Room] | tuple[SessionKeeper, SessionKeeper]:
        """A call and its room, or a conversation of another wire, which is both."""
        if (keeper := self._kept.get(call)) is not None:
            return keeper, keeper
        if (found := self._calls.get(call)) is None:
            raise CallError("there is no such call")
        return found, self._where[call]

    def _open(self, call: str) -> tuple[Call, Room] | tuple[SessionKeeper, SessionKeeper]:
        found = self._known(call)
        if found[0].over:
            raise CallError("this call is over: begin a new one", "over")
        return found

    def _held(self) -> list[Call | SessionKeeper]:
        """What is not over, on whichever wire."""
        return [call for call in (*self._calls.values(), *self._kept.values()) if not call.over]

    def _rooms(self) -> list[Room]:
        return list({id(room): room for room in [*self._where.values(), *self._named.values()]}.values())

    async def _end(self, call: Call | SessionKeeper) -> None:
        if call.over:
            return
        if isinstance(call, SessionKeeper):
            call.end("it was hung up")  # by whoever holds it
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
        if self._kept.pop(call, None) is None:
            del self._calls[call], self._where[call]
        self._ended.pop(call, None)

    async def _keep_up(self) -> None:
        while True:
            began = self._clock.now()
            try:
                self._look(began)
            except Exception as error:
                log.error("upkeep failed", exc_info=error)
            await self._clock.sleep_until(began + PERIOD)

    def _look(self, now: float) -> None:
        changed = self._monitor.observe(now)
        if changed is not None:
            step, shed = changed
            self.counters["shed"] += shed
            log.warning("load: %s %s", step.name, "given up" if shed else "taken up again")
            for room in (*self._rooms(), *self._kept.values()):
                self._tasks.spawn("shedding", room.shed(step, shed))
        for ended in (*self._calls.values(), *self._kept.values()):
            if ended.over and now - self._ended.get(ended.id, now) > self.limits.keep_ended:
                self._forget(ended.id)
        for call in tuple(self._calls.values()):
            if not call.over and (reason := reason_to_end(call, self._where[call.id], self.limits, now)):
                call.tell({"type": "notice", "text": f"The call has ended: {reason}."})
                log.info("call %s: ended: %s", call.id[:6], reason)
                self._tasks.spawn("end of a call", self._end(call))
