"""A room: one session with its assistant, and the people in it. A call of one person is a room of one seat.

Everybody has a seat, which is a channel of the session's input. What a seat says goes into the session and, at once,
to the other listeners; what the session says goes to all of them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.history import ASSISTANT
from duplex.conversation.input_framer import MultichannelFrame
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.serving.hosts.fair_pool import Share
from duplex.serving.hosts.retention import Recordings, delete
from duplex.serving.hosts.shedding import Lateness
from duplex.serving.hosts.warm_up import RESTORATIONS
from duplex.serving.http.auth import new_id
from duplex.serving.http.call_request import WHITELIST
from duplex.serving.http.limits import Limits
from duplex.serving.rooms.call import Call
from duplex.serving.rooms.consent import SPOKEN, ConsentedRecording
from duplex.serving.rooms.event_log import Journal
from duplex.serving.rooms.handover import Past
from duplex.serving.rooms.input_alignment import InputAlignment
from duplex.serving.rooms.mixing import Mix
from duplex.serving.rooms.status import AssistantStatus
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, DuplexError, SettingsError

log = logging.getLogger(__name__)

_ALONE_PATIENCE = 0.3
_ROOM_PATIENCE = 0.12
_SEAT_PATIENCE = 3.0


@dataclass(frozen=True, slots=True)
class Services:
    """What the rooms of a host share. recordings: None if none are kept."""

    engines: Engines
    limits: Limits
    clock: Clock
    lateness: Lateness
    recordings: Recordings | None = None


class Room:
    """name: None for a call of one person. first: who opens it. share: of the inference pool. past: what to go on
    from."""

    def __init__(
        self,
        name: str | None,
        first: str,
        settings: Settings,
        services: Services,
        share: Share,
        past: Past | None = None,
    ) -> None:
        self.name = name
        self.id = new_id()
        """Tells it from an earlier room of its name."""
        self.calls: dict[str, Call] = {}
        self.seats = 1 if name is None else services.limits.seats
        self.past = past or Past()
        self.journal = Journal(self.past.events, self.past.shift)
        self.over = False
        self.assistant = settings.assistant
        self.restoration = settings.restore
        """What was asked for; it may be paused."""
        self.paused = False
        self.share = share
        self._first = _unique(first, {ASSISTANT})
        self._settings = settings
        self._services = services
        self._clock = services.clock
        self._lineup = InputAlignment(self.seats, _ALONE_PATIENCE if name is None else _ROOM_PATIENCE)
        self._mix = Mix()
        self._status = AssistantStatus()
        keep = services.recordings.new_folder if services.recordings is not None else None
        self.recording = ConsentedRecording(keep, self.seats, self._recording_changed)
        self._session: Session | None = None
        self._free: list[int] = list(range(self.seats))
        self._ready: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self._end = asyncio.Event()
        self._switching = asyncio.Lock()
        self._began = 0.0
        self._first_output: float | None = None
        self._fed: deque[tuple[int, float]] = deque(maxlen=1000)
        """Where each frame that is not perceived yet ends, and when it was fed."""
        self.last_sound = self._clock.now()
        self._task = asyncio.create_task(self._live())

    # Life.

    async def ready(self) -> None:
        """Returns when the session runs. Raises what kept it from running."""
        await asyncio.shield(self._ready)

    async def close(self) -> None:
        """Ends the session and every call in it."""
        self.over = True
        self._end.set()
        await asyncio.wait([self._task])
        for call in tuple(self.calls.values()):
            await call.close()

    async def _live(self) -> None:
        parties = [self._first, *(f"seat {number + 1}" for number in range(1, self.seats))]
        try:
            async with Session(
                self._settings,
                parties=parties,
                engines=self._services.engines,
                clock=self._clock,
                pool=self.share,
                sinks=[self],
            ) as session:
                session.host.remember(self.past.heard(), self.past.timers())
                self._session = session
                self._began = self._clock.now()
                self._ready.set_result(session)
                pacing = asyncio.create_task(self._pace())
                try:
                    await self._end.wait()
                finally:
                    pacing.cancel()
                    self._session = None
        except Exception as error:
            self.over = True
            if not self._ready.done():
                self._ready.set_exception(error)
                self._ready.exception()  # whoever waits gets it; if nobody does, that is no news
                return
            log.error("room %s: its session failed", self.name or "of one", exc_info=error)
            self.notice("The session has failed: begin a new call.")
        try:
            await self.share.run("export", self.recording.close)
        except DuplexError as error:
            log.error("room %s: its recording: %s", self.name or "of one", error)

    # People.

    async def join(self, call: Call) -> None:
        """Raises CallError if no seat is free."""
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
        while not session.host.rename(seat, call.name):
            if self._clock.now() >= until:
                self._give_up_seat(call)
                raise CallError("the seat is not free yet", "full", retry_after=1.0)
            await self._clock.sleep_until(self._clock.now() + 0.05)
        self._mix.join(call.name)
        self.recording.join(call.name)
        self._tell_parties()

    async def leave(self, call: Call) -> None:
        """The call is over; the room may go on without it."""
        await call.close()
        if self.calls.get(call.id) is call:
            self._give_up_seat(call)
            self._mix.leave(call.name)
            self.recording.leave(call.name)
            self._tell_parties()

    def _give_up_seat(self, call: Call) -> None:
        del self.calls[call.id]
        self._lineup.leave_seat(call.seat)
        self._free.append(call.seat)

    @property
    def parties(self) -> list[str]:
        return [call.name for call in self.calls.values()]

    def _tell_parties(self) -> None:
        self.tell({"type": "room", "parties": self.parties})

    def tell(self, message: Mapping[str, Any]) -> None:
        """To every page in the room."""
        for call in self.calls.values():
            call.tell(message)

    def notice(self, text: str) -> None:
        self.tell({"type": "notice", "text": text})

    # What a call reports (call.Audience).

    @property
    def latency_ms(self) -> float | None:
        return self._status.latency_ms

    def connected(self, call: Call) -> None:
        self._lineup.take_seat(call.seat)

    def greeting(self, call: Call) -> list[dict[str, Any]]:
        """`end`: how many events there have been; a page that knows fewer asks for them. `now`: the sample on the
        session's clock."""
        now = self.past.shift + (self._session.now if self._session is not None else 0)
        hello = {"type": "hello", "end": self.journal.end, "now": now}
        room = {"type": "room", "parties": self.parties}
        return [hello, room, self._status.as_dict(), self.switches()]

    def disconnected(self, call: Call) -> None:
        self._lineup.leave_seat(call.seat)

    def heard(self, call: Call, frame: np.ndarray) -> None:
        if self.restoration == "" or self.paused:
            self._mix.write(call.name, frame)
        self._lineup.push(call.seat, frame)
        self._advance()

    async def asked(self, call: Call, message: Mapping[str, Any]) -> None:
        """A page's message. Raises DuplexError if it cannot be done."""
        match message:
            case {"type": "switch", "name": "restoration", "value": str(value)} if value in RESTORATIONS:
                await self.restore(value)
            case {"type": "switch", "name": "assistant", "value": bool(value)}:
                self.assistant = value
                self._running().assist(value)
                self.tell(self.switches())
            case {"type": "consent", "record": bool(yes)}:
                self.recording.agree(call.name, yes)
            case _:
                raise SettingsError("the server does not understand this message of the page")

    # Switches.

    def switches(self) -> dict[str, Any]:
        return {
            "type": "switches",
            "restoration": self.restoration,
            "paused": self.paused,
            "assistant": self.assistant,
            "recording": self.recording.running,
        }

    async def restore(self, task: str) -> None:
        """Switch restoration, unless it is paused: then when it is back. Raises ModelError."""
        async with self._switching:
            if not self.paused:
                await self._running().restore(task)
            self.restoration = task
        self.tell(self.switches())

    def concerned(self, step: str) -> bool:
        """Whether giving up that step of shedding.STEPS changes anything here."""
        match step:
            case "restoration":
                return self.restoration != ""
            case "diarization":
                return self.seats == 1 and self._services.engines.diarizer is not None
        return False

    async def pause(self, step: str, paused: bool) -> None:
        """Give a step of shedding.STEPS up for a while, or take it up again. Raises ModelError."""
        match step:
            case "restoration":
                await self._pause_restoration(paused)
            case "diarization" if self._session is not None:
                self._session.host.diarize(not paused)

    async def _pause_restoration(self, paused: bool) -> None:
        async with self._switching:
            self.paused = paused
            if self.restoration and self._session is not None:
                await self._session.restore("" if paused else self.restoration)
        self.tell(self.switches())

    def _recording_changed(self, running: bool, why: str) -> None:
        text = f"Recording has begun: {why}." if running else f"Recording has stopped: {why}."
        self.notice(text)
        self.tell(self.switches())
        spoken = SPOKEN.get(self._settings.language[:2])
        if spoken is not None and self._session is not None:
            self._session.say(spoken[0] if running else spoken[1])

    def delete_recording(self) -> None:
        folder: Path | None = self.recording.delete()
        if folder is not None:
            delete(folder)

    def _running(self) -> Session:
        if self._session is None:
            raise CallError("this call is over: begin a new one", "over")
        return self._session

    # Sound.

    def _advance(self) -> None:
        if self._session is None or self.over:
            return
        now, position = self._clock.now(), self._lineup.position
        for frame in self._lineup.take(now - self._began):
            position += FRAME
            self._fed.append((position, now))
            self._session.feed(frame)

    async def _pace(self) -> None:
        while True:
            at = self._began + max(self._lineup.due(), self._clock.now() - self._began + FRAME / SAMPLE_RATE)
            await self._clock.sleep_until(at)
            self._advance()

    # What the session tells (session.Sink).

    def on_input(self, frame: MultichannelFrame) -> None:
        while self._fed:
            end, at = self._fed.popleft()
            if end >= frame.end:
                self._services.lateness.add(self._clock.now() - at)
                break
        self.recording.on_input(frame)

    def on_restored(self, frame: MultichannelFrame) -> None:
        for call in self.calls.values():
            self._mix.write(call.name, np.ascontiguousarray(frame.samples[:, call.seat]))
        self.recording.on_restored(frame)

    def on_output(self, chunk: AudioChunk) -> None:
        # The least delay there has been is the clock's own beginning; what comes on top of it is lateness.
        since = self._clock.now() - chunk.start / SAMPLE_RATE
        self._first_output = since if self._first_output is None else min(self._first_output, since)
        self._services.lateness.add(since - self._first_output)
        tracks = self._mix.read(chunk.samples)
        for call in self.calls.values():
            if call.name in tracks:
                call.play(tracks[call.name])
        self.recording.on_output(chunk)

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.SessionStarted):
            # The seats are empty: whoever speaks is named then. And what the server is set to is its own affair.
            public = {name: event.settings[name] for name in (*WHITELIST, "language") if name in event.settings}
            event = replace(event, parties=(), settings=public)
        elif isinstance(event, ev.SpeechStarted | ev.ReplyStarted | ev.Speech):
            self.last_sound = self._clock.now()
        told = self.journal.add(event.as_dict())
        self.tell(told)
        state = self._status.update(event)
        if state is not None:
            self.tell(state)
        self.recording.on_event(event)


def _unique(name: str, taken: Sequence[str] | set[str]) -> str:
    number, unique = 1, name
    while unique in taken:
        number += 1
        unique = f"{name} {number}"
    return unique
