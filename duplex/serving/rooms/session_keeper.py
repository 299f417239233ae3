"""A conversation without a room, as its host knows it: how late it is, what was said in it, and its sound with consent.

A room has people, seats and a page. Here a program holds the conversation by a wire of its own, and may have one
session after another for it; what is kept of them is one log and one recording, on one time.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.interpreting.live import InterpretedSound
from duplex.conversation.session import Session
from duplex.serving.hosts.frame_watch import FrameWatch
from duplex.serving.hosts.shedding import Step
from duplex.serving.http.call_request import WHITELIST
from duplex.serving.rooms.consent import ConsentedRecording
from duplex.serving.rooms.event_log import EventLog
from duplex.serving.rooms.services import Services
from duplex.serving.rooms.switches import RoomSwitches
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import DuplexError

log = logging.getLogger(__name__)

PARTY = "user"
"""Who speaks here besides the assistant."""


class SessionKeeper:
    """A sink of the conversation's sessions, one after another. id: tells it from others, as a call's. wire: on which
    it is held.

    The one who holds the conversation sets `changed`, which is called when the recording begins or stops or something
    is shed, `end`, which is called with a reason for which the conversation has to end, and `written`.
    """

    capability = "the log of what is said"

    def __init__(self, id: str, wire: str, settings: Settings, services: Services) -> None:
        self.id = id
        self.name = PARTY
        self.wire = wire
        self.online = True
        """Whether there is a connection."""
        self.over = False
        self.event_log = EventLog()
        self.changed: Callable[[], None] = _nothing
        self.end: Callable[[str], None] = _nothing
        self.written: Callable[[ev.Turn], str] = _whole
        """What of a turn that was put to the session as text its person has really written."""
        keep = services.recordings.new_folder if services.recordings is not None else None
        self.recording = ConsentedRecording(keep, 1, lambda running, why: self.changed(), services.disk)
        self.recording.join(self.name)
        self._services = services
        self._clock = services.clock
        self._watch = FrameWatch(services.clock, services.lateness)
        self._session: Session | None = None
        self._began: float | None = None
        self._shift = 0
        self._ended: ev.SessionEnded | None = None
        self._said: deque[tuple[int, np.ndarray]] = deque(maxlen=1000)
        """Frames of which the session is not told what was said, by their ends."""
        diarizes = services.engines.diarizer is not None
        self._switches = RoomSwitches(
            settings.restore, settings.assistant, diarizes=diarizes, session=lambda: self._session
        )

    async def begin(self, session: Session) -> None:
        """A session is open, the first or one that takes the place of the one before. Raises ModelError."""
        now = self._clock.now()
        if self._began is None:
            self._began = now
        else:
            self._shift = round((now - self._began) * SAMPLE_RATE)
            self.event_log.go_on(self._shift)
            self._watch = FrameWatch(self._clock, self._services.lateness)
            self._said.clear()
        self._session, self._ended = session, None
        for step in self._switches.given_up:
            await self._switches.shed(step, True)

    def fed(self, end: int, said: np.ndarray | None = None) -> None:
        """The session is given its input up to sample `end`. said: (n,) float32, what it is silent for."""
        self._watch.fed(end)
        if said is not None:
            self._said.append((end, said))

    def at(self, sample: int) -> int:
        """A sample of the session's clock on the time of the whole conversation."""
        return sample + self._shift

    def hear_out(self, text: str, start: int, samples: int) -> None:
        """A turn was spoken that the session has not heard. start: on the time of the whole conversation."""
        self._keep(self.event_log.add_turn(self.name, text, start, start + samples))

    # duplex.conversation.session.Sink

    def on_input(self, frame: MultichannelFrame) -> None:
        self._watch.perceived(frame.end)
        samples = frame.samples
        while self._said and self._said[0][0] <= frame.end:
            end, said = self._said.popleft()
            if end == frame.end:
                samples = said[:, None]
        self.recording.on_input(MultichannelFrame(self.at(frame.start), samples))

    def on_restored(self, frame: MultichannelFrame) -> None:
        self.recording.on_restored(replace(frame, start=self.at(frame.start)))

    def on_interpreted(self, sound: InterpretedSound) -> None:
        self.recording.on_interpreted(replace(sound, start=self.at(sound.start)))

    def on_output(self, chunk: AudioChunk) -> None:
        self._watch.put_out(chunk.start)
        self.recording.on_output(replace(chunk, start=self.at(chunk.start)))

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.SessionEnded):
            self._ended = event  # of the log, if no other session follows
            return
        if isinstance(event, ev.SessionStarted):  # the server's own settings are not told
            public = {name: event.settings[name] for name in (*WHITELIST, "language") if name in event.settings}
            event = replace(event, settings=public)
        elif isinstance(event, ev.Turn) and event.typed:
            event = replace(event, text=self.written(event))
            if not event.text:
                return
        self._keep(self.event_log.add(event.as_dict()))

    def _keep(self, told: Mapping[str, Any]) -> None:
        self.recording.on_event(_Told(told))

    # What a host asks of what it holds.

    async def agree(self, call: SessionKeeper, yes: bool) -> None:
        """The person's consent to being recorded. Raises OutputError if the recording cannot be written."""
        await self.recording.agree(self.name, yes)

    async def shed(self, step: Step, on: bool) -> None:
        """Give a step of load shedding up for a while, or take it up again. Raises ModelError."""
        if not self.over:
            await self._switches.shed(step, on)
            if self._switches.concerned(step):
                self.changed()

    @property
    def shed_now(self) -> list[str]:
        """What the conversation does without, because the server is busy."""
        without: list[str] = self._switches.load()["shed"]
        return without

    def describe(self, call: SessionKeeper) -> dict[str, Any]:
        """The conversation without events, as a call's state shows it."""
        return {
            "session": self.id,
            "state": "ended" if self.over else "open",
            "name": self.name,
            "room": None,
            "parties": [] if self.over else [self.name],
            "online": self.online,
            "wire": self.wire,
            "load": {name: value for name, value in self._switches.load().items() if name != "type"},
            "recording": {"agreed": self.recording.agreed(self.name), "exists": self.recording.sound is not None},
        }

    @property
    def empty(self) -> bool:
        """Whether nothing was said in it, and nothing recorded."""
        told = {event["type"] for event in self.event_log.lasting()[:16]}
        return told <= {"session_started", "session_ended"} and self.recording.sound is None

    async def close(self) -> None:
        """The conversation is over; what was said can still be fetched."""
        self.over, self.online, self._session = True, False, None
        self.changed, self.end, self.written = _nothing, _nothing, _whole
        if self._ended is not None:
            self._keep(self.event_log.add(self._ended.as_dict()))
        try:
            await self.recording.close()
        except DuplexError as error:
            log.error("%s: its recording: %s", self.id[:10], error)


class _Told:
    """A line of the log for a recorder."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        self._told = told

    def as_dict(self) -> dict[str, Any]:
        return dict(self._told)


def _nothing(*ignored: Any) -> None:
    """Nobody wants to know."""


def _whole(turn: ev.Turn) -> str:
    return turn.text
