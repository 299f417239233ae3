"""What a room does with what its session tells: sound to the people, events to the pages, all of it to the recording.

A call that fails here ends its own connection. The other calls, the recording and the session go on.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.interpreting.live import InterpretedSound
from duplex.serving.hosts.frame_watch import FrameWatch
from duplex.serving.http.call_request import WHITELIST
from duplex.serving.rooms.call import Call
from duplex.serving.rooms.consent import ConsentedRecording
from duplex.serving.rooms.event_log import EventLog
from duplex.serving.rooms.mixing import Mix
from duplex.serving.rooms.status import AssistantStatus
from duplex.streaming.audio import AudioChunk
from duplex.streaming.clock import Clock

log = logging.getLogger(__name__)


SPOKEN = {False: "interpreted", True: "interpreting_left_out"}
"""Counters of the translations that were spoken, and of those that were left out."""


class RoomSink:
    """A session's sink. calls: the room's, by id; they come and go. counters: of the host, see SPOKEN."""

    def __init__(
        self,
        calls: Mapping[str, Call],
        recording: ConsentedRecording,
        event_log: EventLog,
        clock: Clock,
        watch: FrameWatch,
        counters: dict[str, float],
    ) -> None:
        self.mix = Mix()
        self.status = AssistantStatus()
        self.last_sound = clock.now()
        """When somebody was last heard, or spoken to."""
        self._calls = calls
        self._recording = recording
        self._event_log = event_log
        self._clock = clock
        self._watch = watch
        self._counters = counters
        self._interpreted: Mapping[str, np.ndarray] = {}

    def tell(self, message: Mapping[str, Any]) -> None:
        """To every page in the room."""
        self._each(lambda call: call.tell(message))

    def on_input(self, frame: MultichannelFrame) -> None:
        self._watch.perceived(frame.end)
        self._recording.on_input(frame)

    def on_restored(self, frame: MultichannelFrame) -> None:
        self._each(lambda call: self.mix.write(call.name, np.ascontiguousarray(frame.samples[:, call.seat])))
        self._recording.on_restored(frame)

    def on_interpreted(self, sound: InterpretedSound) -> None:
        self._interpreted = sound.voices
        self._recording.on_interpreted(sound)

    def on_output(self, chunk: AudioChunk) -> None:
        self._watch.put_out(chunk.start)
        tracks = self.mix.read(chunk.samples, self._interpreted)
        self._each(lambda call: call.play(tracks[call.name]) if call.name in tracks else None)
        self._recording.on_output(chunk)

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.SessionStarted):
            # The seats are empty: whoever speaks is named then. The server's own settings are not told.
            public = {name: event.settings[name] for name in (*WHITELIST, "language") if name in event.settings}
            event = replace(event, parties=(), settings=public)
        elif isinstance(event, ev.SpeechStarted | ev.ReplyStarted | ev.Speech):
            self.last_sound = self._clock.now()
        elif isinstance(event, ev.Interpreted):
            self._counters[SPOKEN[event.left_out]] = self._counters.get(SPOKEN[event.left_out], 0.0) + 1.0
        told = self._event_log.add(event.as_dict())
        self.tell(told)
        state = self.status.update(event)
        if state is not None:
            self.tell(state)
        self._recording.on_event(event)

    def _each(self, do: Callable[[Call], None]) -> None:
        for call in tuple(self._calls.values()):
            try:
                do(call)
            except Exception as error:
                log.error("call %s: its connection failed", call.id[:6], exc_info=error)
                call.drop_connection()
