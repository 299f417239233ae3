"""A room: one session with its assistant, and the people in it. A call of one person is a room of one seat.

Everybody has a seat, which is a channel of the session's input. What a seat says goes into the session and, at once,
to the other listeners; what the session says goes to all of them.

Long because everything that a host or a page asks of a room is asked of this one object.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from duplex.conversation.history import ASSISTANT
from duplex.conversation.session import Session
from duplex.serving.hosts.fair_pool import PoolShare
from duplex.serving.hosts.frame_watch import FrameWatch
from duplex.serving.hosts.shedding import Step
from duplex.serving.http.auth import new_id
from duplex.serving.rooms.call import Call
from duplex.serving.rooms.consent import ConsentedRecording, announcement
from duplex.serving.rooms.event_log import EventLog
from duplex.serving.rooms.handover import ResumeState
from duplex.serving.rooms.room_captions import RoomCaptions
from duplex.serving.rooms.room_input import RoomInput
from duplex.serving.rooms.room_languages import RoomLanguages
from duplex.serving.rooms.room_sink import RoomSink
from duplex.serving.rooms.services import Services
from duplex.serving.rooms.switches import RoomSwitches
from duplex.serving.supervised_tasks import SupervisedTasks
from duplex.settings import Settings
from duplex.streaming.errors import CallError, DuplexError, SettingsError

log = logging.getLogger(__name__)

_ALONE_PATIENCE = 0.3
_ROOM_PATIENCE = 0.12
_SEAT_PATIENCE = 3.0


class Room:
    """name: None for a call of one person. first: who opens it. share: of the inference pool. resume: what the room
    goes on from, as `ResumeState.pack` gives it; empty if it is new."""

    def __init__(
        self,
        name: str | None,
        first: str,
        settings: Settings,
        services: Services,
        share: PoolShare,
        resume: bytes = b"",
    ) -> None:
        self.name = name
        self.id = new_id()
        """Tells it from an earlier room of its name."""
        self.calls: dict[str, Call] = {}
        self.seats = 1 if name is None else services.limits.seats
        self.over = False
        self.event_log = EventLog()
        self._shift = 0
        self._first = _unique(first, {ASSISTANT})
        self._settings = settings
        self._services = services
        self._share = share
        self._clock = services.clock
        self._log_name = f"room {name!r}" if name is not None else "room of one"
        patience = _ALONE_PATIENCE if name is None else _ROOM_PATIENCE
        watch = FrameWatch(services.clock, services.lateness)
        self._input = RoomInput(self.seats, patience, services.clock, watch)
        keep = services.recordings.new_folder if services.recordings is not None else None
        self.recording = ConsentedRecording(keep, self.seats, self._recording_changed, services.disk)
        self._sink = RoomSink(
            self.calls,
            self.recording,
            self.event_log,
            services.clock,
            watch,
            services.counters,
        )
        diarizes = self.seats == 1 and services.engines.diarizer is not None
        self._switches = RoomSwitches(
            settings.restore, settings.assistant, diarizes=diarizes, session=lambda: self._session
        )
        self.captions = RoomCaptions(settings, services.engines.translator, lambda: self._session)
        self.languages = RoomLanguages(settings, services.engines, lambda: self._session, self._sink.mix)
        self._session: Session | None = None
        self._free: list[int] = list(range(self.seats))
        self._ready: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()
        self._tasks = SupervisedTasks(self._log_name)
        self._life = self._tasks.spawn("session", self._live(resume))

    async def ready(self) -> None:
        """Returns when the session runs. Raises what kept it from running."""
        await asyncio.shield(self._ready)

    async def close(self) -> None:
        """End the session and every call in it."""
        self.over = True
        self._end.set()
        await asyncio.wait([self._life])
        for call in tuple(self.calls.values()):
            await call.close()

    @property
    def parties(self) -> list[str]:
        return [call.name for call in self.calls.values()]

    @property
    def last_sound(self) -> float:
        """When somebody was last heard, or spoken to, in seconds on the clock."""
        return self._sink.last_sound

    async def _live(self, packed: bytes) -> None:
        parties = [self._first, *(f"seat {number + 1}" for number in range(1, self.seats))]
        try:
            resume = ResumeState()
            if packed:
                resume = await self._services.disk.run(ResumeState.unpack, packed)
                await self._services.disk.run(self.event_log.resume, resume.events, resume.shift)
            self._shift = resume.shift
            heard, timers = await self._services.disk.run(lambda: (resume.heard(), resume.timers()))
            async with Session(
                self._settings,
                parties=parties,
                engines=self._services.engines,
                clock=self._clock,
                pool=self._share,
                sinks=[self._sink],
            ) as session:
                session.host.remember(heard, timers)
                self._session = session
                self._input.begin(session)
                self._ready.set_result(session)
                try:
                    await self._run_until_end()
                finally:
                    self._input.end()
                    self._session = None
        except Exception as error:
            self.over = True
            if not self._ready.done():
                self._ready.set_exception(error)
                self._ready.exception()  # read here, so that asyncio does not warn where nobody waits for it
                return
            log.error("%s: its session failed", self._log_name, exc_info=error)
            self.notice("The session has failed: begin a new call.")
        finally:
            self.over = True
            if not self._ready.done():
                self._ready.cancel()
        try:
            await self.recording.close()
        except DuplexError as error:
            log.error("%s: its recording: %s", self._log_name, error)

    async def _run_until_end(self) -> None:
        """Keep the input's pace until the room is closed. If pacing fails, the room fails: nothing would be heard."""
        pacing = asyncio.create_task(self._input.keep_pace())
        end = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait([pacing, end], return_when=asyncio.FIRST_COMPLETED)
            if pacing.done():
                pacing.result()
        finally:
            for task in (pacing, end):
                task.cancel()

    async def join(self, call: Call, speaks: str = "", interpret: bool = True) -> None:
        """speaks: the person's language; empty: the room's. interpret: those who speak another are spoken to them in
        it.

        Raises CallError if no seat is free, SettingsError for a language that is not to be had, ModelError.
        """
        session = await asyncio.shield(self._ready)
        if not self._free:
            raise CallError(f"room {self.name!r} is full: it has {self.seats} seats", "full", retry_after=10.0)
        seat = next((each for each in self._free if session.parties[each] == call.name), self._free[0])
        self._free.remove(seat)
        others = {party for number, party in enumerate(session.parties) if number != seat}
        call.name = _unique(call.name, {*others, ASSISTANT})
        call.seat = seat
        self.calls[call.id] = call
        until = self._clock.now() + _SEAT_PATIENCE
        try:
            while not session.host.rename(seat, call.name):
                if self._clock.now() >= until:
                    raise CallError("the seat is not free yet", "full", retry_after=1.0)
                await self._clock.sleep_until(self._clock.now() + 0.05)
        except BaseException:
            self._give_up_seat(call)
            raise
        self._sink.mix.join(call.name)
        self.recording.join(call.name)
        try:
            await self._speak(call, speaks)
            if interpret and len(self.languages.offered) > 1:
                await self.languages.interpret(call, True)
        except BaseException:
            await self.leave(call)
            raise
        self._tell_parties()

    async def leave(self, call: Call) -> None:
        """The call is over; the room may go on without it."""
        try:
            await call.close()
        finally:
            if self.calls.get(call.id) is call:
                self._give_up_seat(call)
                await self.captions.read(call.id, "")
                await self.languages.leave(call)
                self._sink.mix.leave(call.name)
                self.recording.leave(call.name)
                self._tell_parties()

    def _give_up_seat(self, call: Call) -> None:
        del self.calls[call.id]
        self._input.leave_seat(call.seat)
        self._free.append(call.seat)

    async def _speak(self, call: Call, language: str) -> None:
        """The person speaks this language. Where several are spoken nobody is answered: the assistant has only one."""
        await self.languages.speak(call, language)
        if self.languages.several and self._switches.assistant:
            self._switches.assist(False)
            self.notice("The assistant is off, since the people here speak several languages.")
            self.tell(self.switches())

    @contextmanager
    def _telling_languages(self, call: Call) -> Iterator[None]:
        """What was asked for may be refused: the page is told what holds now."""
        try:
            yield
        finally:
            call.tell({"type": "languages", **self.languages.describe(call)})

    def _tell_parties(self) -> None:
        self.tell({"type": "room", "parties": self.parties})

    def tell(self, message: Mapping[str, Any]) -> None:
        """To every page in the room."""
        self._sink.tell(message)

    def notice(self, text: str) -> None:
        self.tell({"type": "notice", "text": text})

    def offers(self) -> dict[str, Any]:
        """What a page can switch here."""
        captions, recording = list(self.captions.offered), self.recording.offered
        return {
            **self._services.offers,
            "assistant": True,
            "captions": captions,
            "languages": list(self.languages.offered),
            "recording": recording,
        }

    def describe(self, call: Call) -> dict[str, Any]:
        """The room as one of its calls sees it, without events."""
        return {
            "session": call.id,
            "state": "ended" if call.over else "open",
            "name": call.name,
            "room": self.name,
            "parties": self.parties,
            "online": call.online,
            "offers": self.offers(),
            "switches": {name: value for name, value in self.switches().items() if name != "type"},
            "captions": self.captions.of(call.id),
            **self.languages.describe(call),
            "load": {name: value for name, value in self._switches.load().items() if name != "type"},
            "recording": {"agreed": self.recording.agreed(call.name), "exists": self.recording.sound is not None},
        }

    @property
    def latency_ms(self) -> float | None:
        return self._sink.status.latency_ms

    def connected(self, call: Call) -> None:
        self._input.take_seat(call.seat)

    def greeting(self, call: Call) -> list[dict[str, Any]]:
        """`end`: how many events there have been; a page that knows fewer asks for them. `now`: the sample on the
        session's clock."""
        now = self._shift + (self._session.now if self._session is not None else 0)
        hello = {"type": "hello", "end": self.event_log.end, "now": now}
        room = {"type": "room", "parties": self.parties}
        return [hello, room, self._sink.status.as_dict(), self.switches(), self._switches.load()]

    def disconnected(self, call: Call) -> None:
        self._input.leave_seat(call.seat)

    def heard(self, call: Call, frame: np.ndarray) -> None:
        if self._switches.restoration == "" or self._switches.paused:
            self._sink.mix.write(call.name, frame)
        if not self.over:
            self._input.push(call.seat, frame)

    async def asked(self, call: Call, message: Mapping[str, Any]) -> None:
        """A page's message. Raises DuplexError if it cannot be done."""
        match message:
            case {"type": "switch", "name": "restoration", "value": str(value)} if value in self._services.restorations:
                self._check_open()
                await self._switches.restore(value)
                self.tell(self.switches())
            case {"type": "switch", "name": "assistant", "value": bool(value)}:
                self._check_open()
                self._switches.assist(value)
                self.tell(self.switches())
            case {"type": "captions", "language": str(language)} if language in ("", *self.captions.offered):
                self._check_open()
                await self.captions.read(call.id, language)
            case {"type": "speaks", "language": str(language)}:
                self._check_open()
                with self._telling_languages(call):
                    await self._speak(call, language)
            case {"type": "interpret", "on": bool(on)}:
                self._check_open()
                with self._telling_languages(call):
                    await self.languages.interpret(call, on)
            case {"type": "text", "text": str(text)}:
                self._check_open()
                if not call.writings.take():
                    raise CallError("that was too much at once: wait a little before you write again", "busy")
                self._session.type(text, call.name)
            case {"type": "consent", "record": bool(yes)}:
                await self.agree(call, yes)
            case _:
                raise SettingsError("the server does not understand this message of the page")

    async def agree(self, call: Call, yes: bool) -> None:
        """The person's consent to being recorded. Raises OutputError if the recording cannot be written."""
        await self.recording.agree(call.name, yes)

    def switches(self) -> dict[str, Any]:
        return {"type": "switches", **self._switches.as_dict(), "recording": self.recording.running}

    async def shed(self, step: Step, on: bool) -> None:
        """Give a step of load shedding up for a while, or take it up again, and tell the pages. Raises ModelError."""
        if self.over:
            return
        if self._switches.concerned(step) and (text := step.told if on else step.back):
            self.notice(text)
        try:
            await self._switches.shed(step, on)
        finally:
            self.tell(self.switches())
            self.tell(self._switches.load())

    def _recording_changed(self, running: bool, why: str) -> None:
        text = f"Recording has begun: {why}." if running else f"Recording has stopped: {why}."
        self.notice(text)
        self.tell(self.switches())
        spoken = announcement(self._settings.language, running)
        if spoken and self._session is not None:
            self._session.say(spoken)

    def _check_open(self) -> None:
        if self._session is None:
            raise CallError("this call is over: begin a new one", "over")


def _unique(name: str, taken: Sequence[str] | set[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} {number}"
    return unique
