"""One client's conversation: its configuration, its session, and the tasks between them."""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from duplex.conversation.session import Session
from duplex.models.vad import VoiceActivityDetector, at_threshold
from duplex.serving.hosts.contract import Place
from duplex.serving.http.limits import Limits
from duplex.serving.realtime.asides import Asides
from duplex.serving.realtime.client_events import ClientEvents
from duplex.serving.realtime.client_tools import ClientTools
from duplex.serving.realtime.configuration import THRESHOLD, Configuration
from duplex.serving.realtime.idle_timeout import IdleTimeout
from duplex.serving.realtime.input_audio import InputAudio
from duplex.serving.realtime.instructed import Instructed
from duplex.serving.realtime.manual_turns import ManualTurn, ManualTurns
from duplex.serving.realtime.rate_limits import response_bucket
from duplex.serving.realtime.session_events import SessionEvents
from duplex.serving.realtime.wire import ClientError, Outbox, unsupported
from duplex.serving.rooms.consent import announcement
from duplex.streaming.errors import DuplexError

if TYPE_CHECKING:
    from duplex.models.interaction.tools.tool import Tool

log = logging.getLogger(__name__)


class Conversation:
    """place: what its sessions are made of. voices: that there are. play: see SessionEvents. Use as an async context
    manager, in one task.

    The session is opened by the first event that needs it. A configuration that the session cannot take while it is
    open makes a new one, which remembers what was said.
    """

    def __init__(
        self,
        place: Place,
        outbox: Outbox,
        limits: Limits,
        configuration: Configuration,
        voices: frozenset[str] = frozenset(),
        play: Callable[[np.ndarray], None] | None = None,
        revoked: Callable[[], bool] = lambda: False,
    ) -> None:
        self.over = ""
        """Why it ends, once it does."""
        self.revoked = revoked
        """Whether its key is good no more, which ends it."""
        self._place = place
        self._outbox = outbox
        self._limits = limits
        self._keeper = place.keeper
        self._configuration = configuration
        self._audio = InputAudio(self._configuration.heard, place.clock, self._keeper)
        responses = response_bucket(place.clock)
        self._events = SessionEvents(
            outbox,
            lambda: self._configuration,
            self._audio.milliseconds,
            self._fail,
            lambda: self._tools.give_up(),
            responses,
            play,
        )
        self._tools = ClientTools(self._events.called)
        self._turns = ManualTurns(
            lambda: ManualTurn(place.engines.recognizer, place.steps, place.settings.utterance_limit),
            place.keeper.hear_out,
        )
        self._idle = IdleTimeout(outbox, lambda: self._configuration, self._events, self._audio.milliseconds)
        self._asides = Asides(outbox, place.engines.answerer, self._events.items, lambda: self._configuration)
        self._client = ClientEvents(
            outbox,
            self._audio,
            self._events,
            self._tools,
            self._turns,
            self._asides,
            responses,
            voices,
            lambda: self._configuration,
            self._configure,
            self._open,
        )
        self._hear_by_hand()
        answerer = Instructed(
            place.engines.answerer, self._instructions, self._offered, lambda: self._events.terms.must
        )
        self._engines = replace(place.engines, answerer=answerer)
        self._session: Session | None = None
        self._stack = AsyncExitStack()
        self._agreed = False
        """What the keeper has been told of the person's consent..."""
        self._recorded = False
        """...and what the client has been told of the recording."""
        self._began = self._quiet_since = place.clock.now()
        self._sound = 0

    async def __aenter__(self) -> Conversation:
        self._keeper.changed, self._keeper.end = self._tell_changed, self._end
        self._keeper.written = lambda turn: self._written()
        self._outbox.put("session.created", session=self._described())
        if self._configuration.kind == "realtime":
            conversation = {"id": self._events.conversation, "object": "realtime.conversation"}
            self._outbox.put("conversation.created", conversation=conversation)
        return self

    async def __aexit__(self, *error: Any) -> None:
        self._audio.detach()
        self._tools.give_up()
        await self._turns.close()
        await self._asides.close()
        await self._close()

    async def take(self, event: object) -> None:
        """An event of the client."""
        await self._client.take(event)

    async def hear(self, samples: np.ndarray) -> None:
        """Sound that does not come in events: (n,) float32 at 16 kHz."""
        await self._open()
        self._audio.hear(samples)

    async def keep_pace(self) -> None:
        """Feeds the session; runs until it is cancelled."""
        await self._audio.keep_pace()

    def reason_to_end(self) -> str:
        """Empty while there is none."""
        now = self._place.clock.now()
        if self._events.last_sound != self._sound:
            self._sound, self._quiet_since = self._events.last_sound, now
        if self.revoked():
            self.over = self.over or "its key has been revoked"
        elif now - self._began > self._limits.longest:
            self.over = self.over or f"it has lasted {self._limits.longest:g} s"
        elif now - self._quiet_since > self._limits.idle:
            self.over = self.over or f"nobody has spoken for {self._limits.idle:g} s"
        return self.over

    async def _open(self) -> Session:
        if self._session is None:
            settings = self._configuration.settings_on(self._place.settings)
            self._session = await self._stack.enter_async_context(
                Session(
                    settings,
                    engines=replace(self._engines, vad=self._detector(self._configuration) or self._engines.vad),
                    clock=self._place.clock,
                    pool=self._place.steps,
                    sinks=[self._keeper, self._events, self._idle],
                )
            )
            await self._keeper.begin(self._session)
            self._events.attach(self._session)
            self._idle.attach(self._session)
            self._audio.attach(self._session)
            await self._consent()
        return self._session

    async def _configure(self, made: Configuration) -> None:
        was, place = self._configuration, self._place
        if made.record and not self._keeper.recording.offered:
            raise unsupported("a recording", "session.duplex.record", "it keeps none")
        if made.heard != was.heard:
            self._audio.set_format(made.heard)
        if self._detector(made) is None:
            made = made.without(THRESHOLD)
        anew = made.settings_on(place.settings) != was.settings_on(place.settings) or made.threshold != was.threshold
        if self._session is not None and anew:
            if self._events.busy:
                raise ClientError("this cannot be changed while a response is being given", "invalid_value", "session")
            remembered = self._session.host.remembered()
            self._events.detach(self._session.now)
            self._audio.detach()
            await self._close()
            self._configuration = made
            (await self._open()).host.remember(remembered)
        self._configuration = made
        self._hear_by_hand()
        self._events.set_manner()
        if self._session is not None:
            await self._consent()
        self._outbox.put("session.updated", session=self._described())

    async def _consent(self) -> None:
        """The client's person agrees to being recorded, or does not any more: once for each time that it is said."""
        if self._configuration.record == self._agreed:
            return
        self._agreed = self._configuration.record
        try:
            await self._keeper.agree(self._keeper, self._agreed)
        except DuplexError as error:  # the conversation goes on without a recording
            self._outbox.error(ClientError(str(error), "recording_failed", "session.duplex.record"))

    def _tell_changed(self) -> None:
        """The recording has begun or stopped, which is announced as in a call; or something is given up under load."""
        running = self._keeper.recording.running
        if running != self._recorded:
            self._recorded = running
            spoken = announcement(self._place.settings.language, running)
            if spoken and self._session is not None and self._configuration.kind == "realtime":
                self._session.say(spoken)
        self._outbox.put("session.updated", session=self._described())

    def _written(self) -> str:
        """What of a turn was written by the client: neither said nor the instructions of a response."""
        return " ".join(item.text for item in self._events.typed if not item.spoken).strip()

    def _described(self) -> dict[str, Any]:
        """The session as the API shows it, with what plain clients pass over."""
        shown = self._configuration.as_dict(self._keeper.id)
        recording = {"offered": self._keeper.recording.offered, "running": self._keeper.recording.running}
        return {**shown, "duplex": {**shown["duplex"], "recording": recording, "shed": self._keeper.shed_now}}

    def _detector(self, made: Configuration) -> VoiceActivityDetector[Any] | None:
        """None if the server's cannot be set to the threshold that is asked for."""
        return at_threshold(self._place.engines.vad, made.threshold)

    def _hear_by_hand(self) -> None:
        detected = self._configuration.detection is not None
        self._audio.by_hand = None if detected else lambda: self._turns.turn

    def _instructions(self) -> str:
        said = [item.text for item in self._events.items if item.role == "system"]
        whole = (self._configuration.instructions, *said, self._events.wanted.instructions)
        return "\n".join(each for each in whole if each)

    def _offered(self) -> tuple[Tool, ...]:
        return self._tools.of(self._events.terms.offered)

    async def _close(self) -> None:
        self._session = None
        stack, self._stack = self._stack, AsyncExitStack()
        await stack.aclose()

    def _end(self, reason: str) -> None:
        self.over = self.over or reason

    def _fail(self) -> None:
        self.over = "the server has failed at it; its log says why"
