"""The assistant in writing: the answerer, memory, history and timers of a session, without sound.

A session's floor decides by what is heard; where both sides type there is nothing to decide, so this is only what a
turn and its answer need. The events are those of a session, on a clock of 16 kHz samples, and so is the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from datetime import datetime

from duplex import events as ev
from duplex.conversation.history import ASSISTANT, History
from duplex.conversation.speaking.announcements import Announcements
from duplex.conversation.speaking.replies import NOTHING_YET, SORRY
from duplex.conversation.tool_log import ToolLog, lost_tools
from duplex.conversation.wall_time import WallTime
from duplex.models.interaction.contract import Answerer, Control, Request, Say, Steps, listener_of
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock, SystemClock
from duplex.streaming.errors import InputError
from duplex.streaming.pipeline import reason_of

USER = "user"
LONGEST_TURN = 4000
"""Characters of a typed turn."""
SUSPENSION_CHECK = 1.0
"""Seconds between two looks at whether the computer was suspended, while a timer runs."""


def typed_text(text: str) -> str:
    """A typed turn on one line, without control characters. Raises InputError if it is empty or too long."""
    line = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    if not line:
        raise InputError("there is nothing in what was typed")
    if len(line) > LONGEST_TURN:
        raise InputError(f"a typed turn has at most {LONGEST_TURN} characters, not {len(line)}")
    return line


class TypedConversation:
    """answerer: what answers; it stays open. emit: takes every event. steps: where understanding runs. wall_time: the
    time at the beginning, for a conversation that is not now."""

    def __init__(
        self,
        answerer: Answerer,
        *,
        language: str = "en",
        emit: Callable[[ev.Event], None] = lambda event: None,
        steps: Steps | None = None,
        clock: Clock | None = None,
        wall_time: datetime | None = None,
    ) -> None:
        self.history = History()
        self._answerer = answerer
        self._language = language
        self._emit = emit
        self._steps = steps
        self._clock = clock or SystemClock()
        self._wall_time = WallTime(self._clock, wall_time)
        self._began = self._clock.now()
        self._announcements = Announcements()
        self._tools = ToolLog(emit, lambda: self.now)
        self._changed = asyncio.Event()
        self._epoch = self._turn = 0
        self._last_text = ""
        self._emit(ev.SessionStarted(0, 0, (USER,), self._wall_time.start.isoformat(), {}))
        for missing in lost_tools(answerer):
            self._emit(ev.CapabilityLost(0, 0, "tools", missing))

    @property
    def now(self) -> int:
        """Samples since the beginning, at 16 kHz."""
        return round((self._clock.now() - self._began) * SAMPLE_RATE)

    async def answer(self, text: str) -> AsyncIterator[str]:
        """Answers a turn, piece by piece. Closing the iterator early interrupts the answer: what was handed out is what
        was read. A failing model is one sentence, and a `lost` event says why. Raises InputError for a turn that is
        too long; an empty one has no answer."""
        if not text.strip():
            return
        text = typed_text(text)
        asked, past = self.now, self.history.utterances()
        self._turn += 1
        self._epoch += 1
        self._emit(ev.Turn(asked, asked, USER, text, self._turn, typed=True))
        self.history.add(USER, text, asked, asked)
        elapsed = asked / SAMPLE_RATE
        request = Request(
            text,
            USER,
            past,
            elapsed,
            self._wall_time.at(elapsed),
            self._language,
            self._announcements.timers,
            steps=self._steps,
            report=self._tools.of_turn(self._turn),
            typed=True,
        )
        said, first, interrupted = "", 0, True
        try:
            async with aclosing(self._pieces(request)) as pieces:
                async for piece in pieces:
                    first = first if said else self.now
                    said += piece
                    yield piece
            interrupted = False
        finally:
            self._said(said, self._turn, asked, first, interrupted=interrupted)
            self._tell(said, answer=True)

    async def announcement(self) -> str:
        """The next thing that the assistant says by itself, when it is due."""
        while True:
            self._announcements.tick(self.now, self._wall_time.suspended())
            due = self.now
            if text := self._announcements.take():
                self._epoch += 1
                self._emit(ev.Decision(due, due, "announce", "due", self._turn, self._epoch))
                self._said(text, self._turn, due, due, interrupted=False)
                self._tell(text, answer=False)
                return text
            self._changed.clear()
            pause = None
            if timers := self._announcements.timers:
                pause = min(max(0.0, timers[0].at - self.now / SAMPLE_RATE), SUSPENSION_CHECK)
            try:
                async with asyncio.timeout(pause):
                    await self._changed.wait()
            except TimeoutError:
                pass

    def due_within(self, seconds: float) -> bool:
        """Whether a timer is due within `seconds`, or something waits to be said."""
        return self._announcements.due_before(self.now + round(seconds * SAMPLE_RATE))

    def close(self) -> None:
        """The conversation is over."""
        self._emit(ev.SessionEnded(self.now, self.now, {}))

    async def _pieces(self, request: Request) -> AsyncIterator[str]:
        said = False
        try:
            # A generator of its own, so that closing this one ends the answerer's work at once.
            async with aclosing(self._answerer.answer(request)) as items:  # type: ignore[type-var]
                async for item in items:
                    if isinstance(item, Say):
                        said = said or bool(item.text.strip())
                        yield item.text
                    elif item.action == "repeat":
                        said = True
                        yield self._last_text or NOTHING_YET
                    else:
                        self._control(item)
        except Exception as error:
            self._emit(ev.CapabilityLost(self.now, self.now, "answering", reason_of(error)))
            yield f"{' ' if said else ''}{getattr(error, 'spoken', '') or SORRY}"

    def _control(self, control: Control) -> None:
        at = round(control.at * SAMPLE_RATE)
        self._emit(ev.Controlled(self.now, self.now, control.action, control.value, control.text, at))
        if control.action == "timer":
            self._announcements.set_timers([control])
        elif control.action == "cancel_timers":
            self._announcements.cancel_timers()
        self._changed.set()

    def _tell(self, text: str, *, answer: bool) -> None:
        """An answerer that keeps the conversation itself is told what was read of it."""
        if (listener := listener_of(self._answerer)) is not None:
            listener.heard("", text.strip(), answer)

    def _said(self, text: str, turn: int, decided: int, first: int, *, interrupted: bool) -> None:
        text = text.strip()
        if not text:
            return
        self._last_text = text
        self._emit(ev.ReplyText(first, first, self._epoch, text))
        self._emit(ev.Reply(first, self.now, self._epoch, turn, text, text, interrupted, decided, first, first))
        self.history.add(ASSISTANT, text, first, self.now, interrupted=interrupted)
