"""`idle_timeout_ms`: who says nothing for so long after a response is prompted. A sink of the session."""

from __future__ import annotations

from collections.abc import Callable

from duplex import events as ev
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.session import Session
from duplex.models.interaction.contract import SILENCE
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.response_request import Wanted
from duplex.serving.realtime.session_events import SessionEvents
from duplex.serving.realtime.wire import Outbox, new_id
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk


class IdleTimeout:
    """Counts from the end of what was played. Follows `events`, and stands behind it among the sinks."""

    capability = "idle timeout"

    def __init__(
        self,
        outbox: Outbox,
        configuration: Callable[[], Configuration],
        events: SessionEvents,
        milliseconds: Callable[[int], int],
    ) -> None:
        self._outbox = outbox
        self._configuration = configuration
        self._events = events
        self._milliseconds = milliseconds
        self._session: Session | None = None
        self._before = 0
        """Responses begun before somebody spoke last. They are counted, for one of text may be given whole between two
        chunks of what is played."""
        self._since: int | None = None
        """Where the silence after it began."""

    def attach(self, session: Session) -> None:
        """Follow this session, which is open now."""
        self._session = session
        self._begin_anew()

    def on_input(self, frame: MultichannelFrame) -> None:
        pass

    def on_event(self, event: ev.Event) -> None:
        if isinstance(event, ev.SpeechStarted | ev.Turn):
            self._begin_anew()

    def on_output(self, chunk: AudioChunk) -> None:
        limit = (self._configuration().detection or {}).get("idle_timeout_ms")
        if limit is None or self._events.busy or self._events.owed:
            self._since = None
            if self._events.response is not None:  # somebody spoke over it, and it goes on
                self._before = min(self._before, self._events.begun - 1)
        elif self._since is None:
            self._since = chunk.start if self._events.begun > self._before else None
        elif chunk.start - self._since >= limit * SAMPLE_RATE / 1000:
            self._prompt(self._since, chunk.start)

    def _prompt(self, start: int, end: int) -> None:
        assert self._session is not None
        self._begin_anew()
        id = new_id("item")
        self._outbox.put(
            "input_audio_buffer.timeout_triggered",
            audio_start_ms=self._milliseconds(start),
            audio_end_ms=self._milliseconds(end),
            item_id=id,
        )
        self._events.speech.recognized(self._events.speech.committed(id, start=start), "", end - start)
        self._session.type(SILENCE)
        self._session.assist(True)
        self._events.asked(Wanted(unasked=True), unsaid=True)

    def _begin_anew(self) -> None:
        self._since, self._before = None, self._events.begun
