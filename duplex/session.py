"""A session: one conversation, one TaskGroup. Audio goes in, events and the assistant's voice come out.

perceive: every 20 ms frame goes through each party's hearing and then ticks the floor. decide: the floor, which is
pure, answers at once. respond: replies are made beside it and played at the pace of the clock. No part waits for
another but through a bounded queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

import numpy as np
from models.interaction.completeness import looks_complete

from duplex import events as ev
from duplex import floor_rules as fl
from duplex.engines import Engines
from duplex.floor import Floor
from duplex.hearing import Hearing
from duplex.history import ASSISTANT, History
from duplex.intake import InputFrame, Intake
from duplex.playback import Playback
from duplex.replies import Replies
from duplex.settings import Settings
from models.interaction.backchannel import is_backchannel
from models.interaction.contract import Control, Request
from models.recognition.contract import Hypothesis
from models.speech.contract import Voice
from streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from streaming.clock import Clock, SystemClock
from streaming.errors import DuplexError
from streaming.pool import InferencePool
from streaming.queues import BoundedQueue

OUTPUT_HOP = FRAME // 2
"""Samples of the assistant's voice committed at a time: with the fade of a cut it ends within one frame (20 ms)."""


class Sink(Protocol):
    """Somebody who wants everything as it happens: a recorder, a transport."""

    def on_input(self, frame: InputFrame) -> None: ...

    def on_output(self, chunk: AudioChunk) -> None: ...

    def on_event(self, event: ev.Event) -> None: ...


class Session:
    """A full-duplex conversation.

        async with duplex.Session(duplex.Settings()) as session:
            session.feed(block)                   # any rate, any size; never waits
            async for event in session.events():
                ...

    parties: names of the input's channels. engines: what hears, answers and speaks; made from the settings if not
    given, and then closed with the session. clock: a SystemClock, or a VirtualClock whose `run` drives the loop.
    Raises DuplexError on entry when an engine cannot be had.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        parties: Sequence[str] = ("user",),
        engines: Engines | None = None,
        clock: Clock | None = None,
        pool: InferencePool | None = None,
        sinks: Sequence[Sink] = (),
        wall_time: datetime | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.parties = tuple(parties)
        self.clock = clock or SystemClock()
        self.history = History()
        self.playback = Playback(self.settings.playback_buffer)
        self.floor = Floor(self.settings.floor, completeness=looks_complete, is_backchannel=is_backchannel)
        self._engines = engines
        self._own_engines = engines is None
        self._pool = pool
        self._own_pool = pool is None
        self._sinks = list(sinks)
        self._wall_time = _wall_time(self.settings, wall_time)
        self._intake = Intake(len(self.parties))
        self._input: BoundedQueue[InputFrame] = BoundedQueue(
            max(1, round(self.settings.input_buffer * SAMPLE_RATE / FRAME)), "drop_oldest", "input"
        )
        self._subscribers: list[BoundedQueue[ev.Event]] = []
        self._listeners: list[BoundedQueue[AudioChunk]] = []
        self._timers: list[Control] = []
        self._announcements: list[str] = []
        self._position = 0
        self._began: float | None = None
        self._ended = asyncio.Event()
        self._closing = False

    # Opening and closing.

    async def __aenter__(self) -> Session:
        if self._pool is None:
            self._pool = InferencePool(self.settings.workers, inline=self.clock.virtual)
        if self._engines is None:
            self._engines = await self._pool.run("load", Engines.from_settings, self.settings)
        engines = self._engines
        self.hearing = {
            party: Hearing(
                party,
                self,
                engines.activity,
                engines.recogniser,
                self._pool,
                gap=self.settings.utterance_gap,
                limit=self.settings.utterance_limit,
            )
            for party in self.parties
        }
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        voice = Voice(
            self.settings.voice, self.settings.language, self.settings.speech_rate, self.settings.speech_volume
        )
        self.replies = Replies(
            self,
            engines.answerer,
            engines.synthesiser,
            self.playback,
            self._pool,
            self.clock,
            voice,
            lambda made: self._group.create_task(self._guard("answering", made)),
        )
        self._began = self.clock.now()
        self._tasks = [
            self._group.create_task(self._guard("perception", self._perceive())),
            self._group.create_task(self._guard("playback", self._play())),
            *(self._group.create_task(self._guard("recognition", h.recognise())) for h in self.hearing.values()),
        ]
        told = {name: value for name, value in self.settings.as_dict().items() if value != ""}
        self._emit(ev.SessionStarted(0, 0, self.parties, self._wall_time.isoformat(), told))
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            if kind is None:
                await self._close()
            else:
                self._stop()
            await self._group.__aexit__(None, None, None)  # the body's own error goes on as it is, in no group
        finally:
            if self._own_pool and self._pool is not None:
                self._pool.close()
            if self._own_engines and self._engines is not None:
                await self._engines.close()

    async def _close(self) -> None:
        self._input.close()
        await asyncio.wait([self._tasks[0]])
        for hearing in self.hearing.values():
            hearing.queue.close()
        await asyncio.wait(self._tasks[2:])
        self._finish_reply(interrupted=True)
        queues = {"input": self._input, **{h.queue.name: h.queue for h in self.hearing.values()}}
        self._emit(ev.SessionEnded(self._position, self._position, {k: asdict(q.stats()) for k, q in queues.items()}))
        self._stop()

    def _stop(self) -> None:
        self._closing = True
        for queue in (self._input, *self._subscribers, *self._listeners, *(h.queue for h in self.hearing.values())):
            queue.close()
        self.replies.stop()
        current = self.replies.current
        for task in [*self._tasks, *([current.task] if current and current.task else [])]:
            task.cancel()
        self._ended.set()

    # What a user calls.

    @property
    def now(self) -> int:
        """The sample up to which the session has perceived."""
        return self._position

    def feed(self, block: np.ndarray, sample_rate: int = SAMPLE_RATE, start: int | None = None) -> None:
        """Give the session audio: (n,) or (n, parties), integers or floats in [-1, 1]; never waits.

        start: place of the block on the input's clock, in samples at `sample_rate`, for transports that lose packets:
        a gap is filled with silence. Without it blocks follow one another. Raises InputError on unusable audio.
        """
        for frame in self._intake.push(block, sample_rate, start):
            self._input.put_nowait(frame)

    async def finish(self, limit: float = 30.0) -> None:
        """No more input: hear silence until the conversation is over, at most `limit` seconds, and close the input."""
        for frame in self._intake.flush():
            self._input.put_nowait(frame)
        silence = np.zeros((FRAME, len(self.parties)), np.float32)
        deadline = self._intake.position + round(limit * SAMPLE_RATE)
        while self._intake.position < deadline and not self._settled(deadline):
            await self.clock.sleep_until((self._began or 0.0) + (self._intake.position + FRAME) / SAMPLE_RATE)
            self.feed(silence)
        self._input.close()

    def events(self) -> AsyncIterator[ev.Event]:
        """Events from now on, until the session ends. A slow reader loses the oldest, at 4096 unread."""
        queue: BoundedQueue[ev.Event] = BoundedQueue(4096, "drop_oldest", "events")
        self._subscribers.append(queue)
        return aiter(queue)

    def audio(self) -> AsyncIterator[AudioChunk]:
        """The assistant's voice, 10 ms at a time at the pace of the clock, silence included."""
        queue: BoundedQueue[AudioChunk] = BoundedQueue(100, "drop_oldest", "audio")
        self._listeners.append(queue)
        return aiter(queue)

    def say(self, text: str) -> None:
        """Speak `text` when the floor is free."""
        self._announcements.append(text)
        self.floor.announcements += 1

    @property
    def timings(self) -> dict[str, Any]:
        """Wall-clock cost of each kind of model step."""
        return dict(self._pool.timings) if self._pool else {}

    # Tasks.

    async def _guard(self, capability: str, work: Coroutine[Any, Any, None]) -> None:
        """A failing task takes its capability with it, not the session."""
        try:
            await work
        except DuplexError as error:
            self.capability_lost(capability, str(error))
        except Exception as error:
            self.capability_lost(capability, f"{type(error).__name__}: {error}")

    async def _perceive(self) -> None:
        async for frame in self._input:
            self._tell("on_input", frame)
            self._position = frame.end
            for index, party in enumerate(self.parties):
                chunk = AudioChunk(frame.start, np.ascontiguousarray(frame.samples[:, index]), frame.concealed)
                self.hearing[party].perceive(chunk)
            while self._timers and self._timers[0].at * SAMPLE_RATE <= frame.end:
                self.say(self._timers.pop(0).text)
            self._act(self.floor.tick(frame.end))

    async def _play(self) -> None:
        at = 0
        while not self._closing:
            await self.clock.sleep_until((self._began or 0.0) + at / SAMPLE_RATE)
            samples = self.playback.read(at, OUTPUT_HOP)
            self.replies.room_made()
            chunk = AudioChunk(at, samples)
            self._tell("on_output", chunk)
            for listener in self._listeners:
                listener.put_nowait(chunk)
            at += OUTPUT_HOP
            self._after_playing(at)

    def _after_playing(self, at: int) -> None:
        current, track = self.replies.current, self.playback.track
        if current is None or track is None:
            return
        if track.first_audible is not None and not current.started:
            current.started = True
            self._emit(ev.ReplyStarted(track.first_audible, at, current.epoch, current.turn))
            self._act(self.floor.reply_audible(track.first_audible, current.epoch))
        words = track.heard_words()
        for word in words[current.spoken :]:
            self._emit(ev.SpokenWord(word.start, word.end, current.epoch, word.text))
        current.spoken = len(words)
        if current.suspended and not current.told and current.onset is not None:
            current.told = True
            self._emit(
                ev.Suspended(current.onset, track.last_audible or current.silenced, current.epoch, current.silenced)
            )
        if self.playback.drained:
            self._finish_reply(interrupted=current.interrupted)

    def _finish_reply(self, *, interrupted: bool) -> None:
        finished = self.replies.finish()
        if finished is None:
            return
        current, track = finished
        if track is not None and track.first_audible is not None:
            start, end = track.first_audible, track.last_audible or track.first_audible
            heard = track.heard_text()
            if current.interrupted and current.onset is not None:
                self._emit(ev.Interrupted(current.onset, end, current.epoch, current.silenced, heard))
            first_token = current.first_token if current.first_token is not None else current.decided
            self._emit(
                ev.Reply(
                    start,
                    end,
                    current.epoch,
                    current.turn,
                    heard,
                    track.text.strip(),
                    interrupted,
                    current.decided,
                    first_token,
                    start,
                )
            )
            self.history.add(ASSISTANT, heard, start, end, interrupted=interrupted)
        self._act(self.floor.reply_ended(self._position, current.epoch))

    # What hearing reports (hearing.Listener).

    def speech_started(self, at: int, onset: int, party: str) -> None:
        self._emit(ev.SpeechStarted(onset, at, party))
        self._act(self.floor.speech_started(at, onset, party))

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None:
        self._emit(ev.Speech(onset, offset, party))
        self._act(self.floor.speech_ended(at, offset, party))

    def utterance_opened(self, party: str) -> None:
        self.floor.utterance_opened()

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        words = hypothesis.words
        end = base + words[-1].end if words else onset
        if hypothesis.final:
            for word in words:
                self._emit(ev.Word(base + word.start, base + word.end, party, word.text, round(word.confidence, 3)))
        else:
            stable = len(" ".join(word.text for word in words[: hypothesis.stable]))
            self._emit(ev.Partial(onset, end, party, hypothesis.text, stable))
        self._act(
            self.floor.words(self._position, party, hypothesis.text, onset=onset, end=end, final=hypothesis.final)
        )

    # What replies report (replies.Stage).

    def reply_text(self, epoch: int, text: str) -> None:
        self._emit(ev.ReplyText(self._position, self._position, epoch, text))

    def reply_made(self, epoch: int) -> None:
        current, track = self.replies.current, self.playback.track
        if current is not None and current.epoch == epoch and (track is None or not track.written):
            self._finish_reply(interrupted=False)

    def control(self, control: Control) -> None:
        at = round(control.at * SAMPLE_RATE)
        self._emit(ev.Controlled(self._position, self._position, control.action, control.value, control.text, at))
        voice = self.replies.voice
        match control.action:
            case "volume":
                self.replies.voice = replace(voice, volume=float(np.clip(voice.volume * control.value, 0.05, 2.0)))
            case "rate":
                self.replies.voice = replace(voice, rate=float(np.clip(voice.rate * control.value, 0.4, 2.5)))
            case "timer":
                self._timers.append(control)
                self._timers.sort(key=lambda timer: timer.at)
            case "cancel_timers":
                self._timers.clear()

    def capability_lost(self, capability: str, reason: str) -> None:
        self._emit(ev.Lost(self._position, self._position, capability, reason))

    def capability_restored(self, capability: str) -> None:
        self._emit(ev.Restored(self._position, self._position, capability))

    # Deciding: carry out what the floor says.

    def _act(self, actions: list[fl.Action]) -> None:
        for action in actions:
            match action:
                case fl.Decide(kind, reason, since, epoch):
                    self._emit(ev.Decision(since, self._position, kind, reason, self.floor.turn, epoch))
                case fl.EndTurn():
                    self._end_turn(action)
                case fl.Backchannel(party, text, start, end):
                    self._emit(ev.Turn(start, end, party, text, self.floor.turn, "backchannel"))
                    self.history.add(party, text, start, end)
                case fl.Announce(epoch):
                    text = " ".join(self._announcements)
                    self._announcements.clear()
                    self.replies.announce(epoch, self.floor.turn, text)
                case fl.Withdraw(epoch):
                    self._withdraw(epoch)
                case fl.Suspend(epoch, onset):
                    self._silence(onset, suspended=True)
                    self.playback.suspend(epoch)
                case fl.Resume(epoch):
                    if self.replies.current is not None:
                        self.replies.current.suspended = self.replies.current.told = False
                    self._emit(ev.Resumed(self._position, self._position, epoch, self.playback.position))
                    self.playback.resume(epoch)
                case fl.Interrupt(epoch, onset):
                    self._silence(onset, suspended=False)
                    self.replies.stop()
                    self.playback.interrupt(epoch)

    def _silence(self, onset: int, *, suspended: bool) -> None:
        current = self.replies.current
        if current is None:
            return
        current.onset = onset
        if not (current.suspended and not suspended):  # held already: it fell silent then
            current.silenced = self._position
        current.suspended = suspended
        current.interrupted = not suspended

    def _end_turn(self, action: fl.EndTurn) -> None:
        if action.limited:
            for hearing in self.hearing.values():
                hearing.cut(self._position)
        for party, text, start, end in action.texts:
            self._emit(ev.Turn(start, end, party, text, action.turn))
        self.history.take_back(action.texts)
        past = self.history.utterances()
        for party, text, start, end in action.texts:
            self.history.add(party, text, start, end)
        if not self.settings.assistant or not action.texts:
            self._act(self.floor.reply_ended(self._position, action.epoch))
            return
        party, text, _, _ = action.texts[-1]
        now = self._position / SAMPLE_RATE
        wall_time = self._wall_time + timedelta(seconds=now)
        timers = tuple(self._timers)
        request = Request(text, party, past, now, wall_time, self.settings.language, timers)
        self.replies.answer(action.epoch, action.turn, request)

    def _withdraw(self, epoch: int) -> None:
        current = self.replies.current
        if current is None or current.epoch != epoch:
            return
        if current.announcement:
            self._announcements.insert(0, current.announcement)
            self.floor.announcements += 1
        self.replies.stop()
        self.playback.interrupt(epoch)
        self.replies.finish()

    def _settled(self, deadline: int) -> bool:
        """Nothing is left to happen: nobody speaks, nothing is due before the deadline."""
        return (
            self.floor.state is fl.State.LISTENING
            and self.replies.current is None
            and not self.floor.announcements
            and not any(h.busy or h.active for h in self.hearing.values())
            and not len(self._input)
            and not any(timer.at * SAMPLE_RATE <= deadline for timer in self._timers)
        )

    def _tell(self, method: str, what: Any) -> None:
        """A sink that fails (a full disk) is let go; the conversation is not."""
        for sink in tuple(self._sinks):
            try:
                getattr(sink, method)(what)
            except DuplexError as error:
                self._sinks.remove(sink)
                self.capability_lost("recording", str(error))

    def _emit(self, event: ev.Event) -> None:
        self._tell("on_event", event)
        for subscriber in self._subscribers:
            if not subscriber.closed:
                subscriber.put_nowait(event)


def _wall_time(settings: Settings, given: datetime | None) -> datetime:
    if settings.wall_time:
        moment = datetime.fromisoformat(settings.wall_time)
        return moment if moment.tzinfo else moment.astimezone()
    return given or datetime.now().astimezone()
