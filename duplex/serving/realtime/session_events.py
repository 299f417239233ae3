"""What a session tells and plays, put into the events of the API: a sink of the session.

Long because a response waits, begins, calls, goes on and ends by what both sides do, and all of it is one state.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from duplex import events as ev
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.history import ASSISTANT
from duplex.conversation.session import Session
from duplex.serving.http.limits import TokenBucket
from duplex.serving.realtime.configuration import Configuration
from duplex.serving.realtime.heard_speech import HeardSpeech
from duplex.serving.realtime.items import Item, Items
from duplex.serving.realtime.rate_limits import requests_left
from duplex.serving.realtime.response import FULL, Response
from duplex.serving.realtime.response_request import Terms, Wanted, terms
from duplex.serving.realtime.turn_detection import padding
from duplex.serving.realtime.wire import Outbox, new_id
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import StageError

log = logging.getLogger(__name__)


class SessionEvents:
    """configuration: as it is now. milliseconds: a sample of the session as a time in the client's sound.

    failed: called when the conversation cannot go on. given_up: called when no answer waits any more for what a client
    owes. responses: what the client may still ask for. play: takes the session's voice, (n,) float32 at 16 kHz, silence
    included, where it is not in the events.
    """

    capability = "realtime events"

    def __init__(
        self,
        outbox: Outbox,
        configuration: Callable[[], Configuration],
        milliseconds: Callable[[int], int],
        failed: Callable[[], None],
        given_up: Callable[[], None],
        responses: TokenBucket,
        play: Callable[[np.ndarray], None] | None = None,
    ) -> None:
        self.items = Items()
        self.response: Response | None = None
        self.begun = 0
        """Responses so far."""
        self.unanswered: list[Item] = []
        """Items of the user that no response has been begun for."""
        self.wanted = Wanted()
        """The client's `response.create` of the response that waits or is given."""
        self.last_sound = 0
        """Sample at which somebody was heard last, by either side."""
        self._outbox = outbox
        self._configuration = configuration
        self._failed = failed
        self._given_up = given_up
        self._responses = responses
        self._play_out = play
        self.conversation = new_id("conv")
        """Its number in the API."""
        self._session: Session | None = None
        self.speech = HeardSpeech(
            outbox,
            self.items,
            milliseconds,
            lambda: configuration().transcribes,
            lambda: padding(configuration().detection),
        )
        self._epoch = 0
        self._due: int | None = None
        self.reserved = False
        """Whether a response is asked for to words that are still to come."""
        self._asked = False
        self._unsaid = False
        self._forgotten: int | None = None
        """Where the instructions of a response stand in the history for what was said."""
        self.typed: list[Item] = []
        """Those of them that the turn is made of which has been put to the session as text."""
        self._heard = 0.0
        self._paused: int | None = None
        """Epoch of the reply that waits for the result of a call, its response being over."""
        self._go_on: Callable[[], None] | None = None
        self._stopped: int | None = None
        """Epoch of the last reply that was ended because its response had all that it may have."""
        self._resumed = False
        """Whether the response that is due goes on with a reply that has called."""
        self._before = ""
        """What earlier responses have said of the reply."""

    def attach(self, session: Session) -> None:
        """Follow this session, which is open now."""
        self._session = session
        self.set_manner()

    def set_manner(self) -> None:
        """What is answered from now on is spoken, or text alone, as the client wants it."""
        if self._session is not None:
            self._session.host.write(self.terms.silent)
            if seconds := padding(self._configuration().detection):
                self._session.host.set_preroll(seconds)

    def detach(self, heard: int) -> None:
        """The session is about to be replaced, at its sample `heard`: its places in the history lie before the next."""
        self._session = None
        for item in self.items:
            if item.start is not None:
                item.start -= heard

    @property
    def owed(self) -> bool:
        """Whether an answer waits for the result of a call, or will once its response is over."""
        return self._paused is not None or (self.response is not None and self.response.calling)

    @property
    def terms(self) -> Terms:
        """Of the response that waits, is given or comes next."""
        return terms(self.wanted, self._configuration())

    @property
    def busy(self) -> bool:
        """Whether a response is being given, or one has been asked for."""
        return self.response is not None or self._due is not None or self._asked or self.reserved

    def asked(self, wanted: Wanted, *, unsaid: bool = False) -> None:
        """A response to the unanswered items has been asked of the session, as something typed. unsaid: it answers its
        instructions, which nobody has said."""
        self._asked, self._unsaid, self.wanted = True, unsaid, wanted
        self.set_manner()
        self.typed, self.unanswered = self.unanswered, []
        if self._paused is not None:
            self._paused, self._before = None, ""
            self._given_up()

    def called(self, item: Item) -> None:
        """The answer calls a function of the client, which `response.create` lets it go on after. Raises StageError if
        the answer is over."""
        self._follow()
        if self.response is None:
            assert self._session is not None
            replying = self._session.host.replying
            if replying is None:
                raise StageError("its answer is over")
            self._due = replying
            self._follow()
        if self.response is not None:
            self.response.call(item)

    def go_on(self, wanted: Wanted, results: Callable[[], None]) -> None:
        """`results` gives the answer what it waits for; a new response tells of the rest."""
        self.wanted, self._go_on = wanted, results
        if self._paused is not None:
            self._resume()

    # duplex.conversation.session.Sink

    def on_input(self, frame: MultichannelFrame) -> None:
        pass

    def on_output(self, chunk: AudioChunk) -> None:
        if self._session is None:  # what a session that is being replaced still says
            return
        try:
            self._follow()
            if self.response is not None:
                self.response.play(chunk.samples, self._session.host.position)
                self._stop_if_full(self.response)
            if self._play_out is not None:
                self._play_out(chunk.samples)
        except Exception:
            self._fail()

    def on_event(self, event: ev.Event) -> None:
        if self._session is None:
            return
        try:
            self._tell(event)
        except Exception:
            self._fail()

    def _tell(self, event: ev.Event) -> None:
        response = self.response
        match event:
            case ev.SpeechStarted():
                self.last_sound = event.end
                self.speech.started(event.start, over_response=response is not None and response.audible)
            case ev.Partial():
                self.speech.partial(event)
            case ev.Decision():
                self._decided(event)
            case ev.Turn() if event.kind != "side_speech":
                self._turn(event)
            case ev.ReplyText():
                if event.epoch == self._paused:  # the result has not come in time
                    self._resume()
                self._follow()
                if self.response is not None and self.response.epoch == event.epoch:
                    self.response.text(event.text)
                    self._stop_if_full(self.response)
            case ev.SpokenWord() if response is not None and response.epoch == event.epoch:
                if not self.wanted.unasked:  # who says nothing for long is not kept on the line by being asked
                    self.last_sound = event.end
                response.word(event.text)
            case ev.Reply() if response is not None and response.epoch == event.epoch:
                told = event.text.removeprefix(self._before).strip()
                response.transcript = response.said if response.silent else told
                response.item.start, response.item.before = event.start, self._before
            case ev.CapabilityLost() if event.capability in ("answering", "speech", "hearing", "recognizing"):
                self._outbox.failure(f"{event.capability}_failed", f"{event.capability} failed: {event.reason}")

    def _decided(self, event: ev.Decision) -> None:
        response = self.response
        match event.kind:
            case "barge_in" | "go_on" | "withdraw":
                if response is not None and not response.reason:
                    response.reason = "turn_detected"
                self.speech.took_floor()
            case "backchannel" | "false_interruption":
                self.speech.let_pass()
            case "nothing_said":
                self.speech.nothing_said(event.end)
            case "endpoint" | "turn_limit" | "typed":
                self._epoch = event.epoch
            case "announce":
                self._due = event.epoch

    def _turn(self, event: ev.Turn) -> None:
        if event.typed:
            for item in self.typed:
                item.start = event.start
            self._forgotten = event.start if self._unsaid else None
            self.typed, self._asked, self._due = [], False, self._epoch
            return
        item = self.speech.turn(event)
        if event.kind == "turn":
            self._heard = (event.end - event.start) / SAMPLE_RATE
            if self._configuration().answers:
                self.unanswered, self._due = [], self._epoch
            else:
                self.unanswered.append(item)

    def _follow(self) -> None:
        """The response is that of the reply that the session makes or plays."""
        assert self._session is not None
        replying = self._session.host.replying
        if self.response is not None and self.response.epoch != replying:
            self._end(self.response)
        if self._paused not in (None, replying):
            self._paused = None
            self._forget_reply()
        due, self._due = self._due, None
        if due is not None and self.response is None:
            made = self.terms
            self.begun += 1
            self.response = Response(
                replace(made, must=made.must and not self._resumed),
                self._outbox,
                self.items,
                self.conversation,
                due,
                self._heard,
                self._session.host.position if replying == due else 0,
            )
            self._resumed = False
            self._outbox.put("rate_limits.updated", rate_limits=[requests_left(self._responses)])
            self._heard = 0.0
            if self._forgotten is not None:
                self._session.host.revise(self._session.parties[0], self._forgotten, "")
                self._forgotten = None
            if replying != due:
                self._end(self.response)
        response = self.response
        if response is not None and response.calling and self._session.host.position >= self._session.host.made:
            self._pause(response)

    def _pause(self, response: Response) -> None:
        """It has called, and all that it said before has been played."""
        response.transcript = response.said
        self._before = f"{self._before} {response.said}".strip()
        response.end()
        self.response, self._paused = None, response.epoch
        if self._go_on is not None:
            self._resume()

    def _resume(self) -> None:
        self._due, self._paused, self._resumed = self._paused, None, True
        results, self._go_on = self._go_on, None
        if results is not None:
            results()

    def _forget_reply(self) -> None:
        """It is over, by whatever end."""
        assert self._session is not None
        self._given_up()
        self._before, self._go_on, self.wanted = "", None, Wanted()
        self.set_manner()
        if not self._configuration().answers:
            self._session.assist(False)

    def _stop_if_full(self, response: Response) -> None:
        if response.reason == FULL and response.epoch != self._stopped:
            assert self._session is not None
            self._stopped = response.epoch
            self._session.host.interrupt()

    def _end(self, response: Response) -> None:
        assert self._session is not None
        response.end()
        self.response = None
        self.speech.took_floor()
        cut = response.limit is not None or (response.silent and response.reason == FULL)
        if cut and response.item.start is not None:
            heard = f"{response.item.before} {response.transcript or ''}".strip()
            self._session.host.revise(ASSISTANT, response.item.start, heard)
        self._forget_reply()

    def _fail(self) -> None:
        log.exception("realtime: the session's events cannot be told")
        self._failed()
