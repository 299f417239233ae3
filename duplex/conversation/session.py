"""A session: one conversation, one TaskGroup. Audio goes in, events and the assistant's voice come out.

perceive: every 20 ms frame goes through each party's hearing and then ticks the floor. decide: the floor, which is
pure, answers at once. respond: replies are made beside it and played at the pace of the clock. No part waits for
another but through a bounded queue.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from duplex import events as ev
from duplex.conversation.input_framer import InputFramer, MultichannelFrame
from duplex.conversation.segmenter import Segmenter
from duplex.conversation.speaker_labels import SpeakerLabels
from duplex.conversation.turn_manager import TurnManager
from duplex.engines import Engines
from duplex.models.interaction.contract import Control, Utterance
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import Clock, SystemClock
from duplex.streaming.errors import DuplexError, SettingsError, StageError
from duplex.streaming.pool import InferencePool
from duplex.streaming.queues import BoundedQueue

if TYPE_CHECKING:
    from duplex.conversation.live_restoration import LiveRestoration
    from duplex.microphone.echo_control import EchoControl

OUTPUT_HOP = FRAME // 2
"""Samples of the assistant's voice committed at a time: with the fade of a cut it ends within one frame (20 ms)."""


class Sink(Protocol):
    """Somebody who wants everything as it happens: a recorder, a transport.

    A sink may also have `on_restored(frame)`, for the restored input.
    """

    def on_input(self, frame: MultichannelFrame) -> None: ...

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
    echo_control: takes the assistant's own voice out of the input of one party, where a loudspeaker plays it.
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
        echo_control: EchoControl | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.parties = tuple(parties)
        self.clock = clock or SystemClock()
        self._engines = engines
        self._own_engines = engines is None
        self._pool = pool
        self._own_pool = pool is None
        self._sinks = list(sinks)
        self._wall_time = _wall_time(self.settings, wall_time)
        if echo_control is not None and len(self.parties) > 1:
            raise SettingsError(f"echo control is for one microphone; this session hears {len(self.parties)} parties")
        self._echo_control = echo_control
        self._intake = InputFramer(len(self.parties))
        self._input: BoundedQueue[MultichannelFrame] = BoundedQueue(
            max(1, round(self.settings.input_buffer * SAMPLE_RATE / FRAME)), "drop_oldest", "input"
        )
        self._restoration: LiveRestoration | None = None
        self._restoring = False
        self._restored: list[BoundedQueue[MultichannelFrame]] = []
        self._subscribers: list[BoundedQueue[ev.Event]] = []
        self._listeners: list[BoundedQueue[AudioChunk]] = []
        self._closing = False

    # Opening and closing.

    async def __aenter__(self) -> Session:
        if self._pool is None:
            self._pool = InferencePool(self.settings.workers, inline=self.clock.virtual)
        if self._engines is None:
            self._engines = await self._pool.run("load", Engines.from_settings, self.settings)
        engines, pool = self._engines, self._pool
        if self.settings.restore:
            await self._load_restoration(self.settings.restore)
        self._group = asyncio.TaskGroup()
        await self._group.__aenter__()
        self._conductor = TurnManager(
            self.settings,
            engines,
            pool,
            self.clock,
            self._wall_time,
            self._emit,
            lambda made: self._group.create_task(self._guard("answering", made)),
        )
        self._speakers = self._tell_apart(engines, pool)
        self._hearing = [
            Segmenter(
                party,
                self._conductor,
                engines.activity,
                engines.recognizer,
                pool,
                gap=self.settings.utterance_gap,
                limit=self.settings.utterance_limit,
                likelihood=self._speakers.likelihood if self._speakers else None,
            )
            for party in self.parties
        ]
        self._conductor.hearing = dict(zip(self.parties, self._hearing, strict=True))
        self._tasks = [
            self._group.create_task(self._guard("perception", self._perceive())),
            self._group.create_task(self._guard("playback", self._play())),
            *(self._group.create_task(self._guard("recognition", h.recognize())) for h in self._hearing),
        ]
        if self._speakers is not None:
            told = self._speakers.follow(
                lambda turn: self._conductor.speaker_turn(self.parties[0], turn.start, turn.end, turn.speaker)
            )
            self._tasks.append(self._group.create_task(self._guard("diarization", told)))
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
        for hearing in self._hearing:
            hearing.queue.close()
        if self._speakers is not None:
            self._speakers.queue.close()
        await asyncio.wait(self._tasks[2:])
        self._conductor.replies.stop()  # a reply that waits for room in playback would wait for ever
        self._conductor.finish_reply(interrupted=True)
        queues = {"input": self._input, **{h.queue.name: h.queue for h in self._hearing}}
        if self._speakers is not None:
            queues["diarize"] = self._speakers.queue
        self._emit(ev.SessionEnded(self.now, self.now, {k: asdict(q.stats()) for k, q in queues.items()}))
        self._stop()

    def _stop(self) -> None:
        self._closing = True
        for queue in (
            self._input,
            *self._subscribers,
            *self._listeners,
            *self._restored,
            *([self._speakers.queue] if self._speakers else []),
            *(h.queue for h in self._hearing),
        ):
            queue.close()
        self._conductor.replies.stop()
        current = self._conductor.replies.current
        for task in [*self._tasks, *([current.task] if current and current.task else [])]:
            task.cancel()

    # What a user calls.

    @property
    def now(self) -> int:
        """The sample up to which the session has perceived."""
        return self._conductor.now

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
        while self._intake.position < deadline:
            await self.clock.sleep_until(self._conductor.began + (self._intake.position + FRAME) / SAMPLE_RATE)
            if not len(self._input) and self._conductor.settled(deadline):
                break
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

    def restored(self) -> AsyncIterator[MultichannelFrame]:
        """The restored input, 20 ms at a time, while restoration is on. A slow reader loses the oldest."""
        queue: BoundedQueue[MultichannelFrame] = BoundedQueue(100, "drop_oldest", "restored")
        self._restored.append(queue)
        return aiter(queue)

    async def restore(self, task: str) -> None:
        """Switch live restoration on, to another task, or off (""). Raises SettingsError, ModelError."""
        if not task:
            self._restoring = False
            return
        await self._load_restoration(task)
        if self._restoration is not None:
            self._restoration.reset(self.now)

    def assist(self, on: bool) -> None:
        """Answer from now on, or only listen and write down: a reply that is being given then ends at once."""
        self._conductor.assist(on)

    def rename(self, index: int, party: str) -> bool:
        """Another person has channel `index` of the input: what is heard on it from now on is theirs.

        False, and no change, while something that was said on it is still being heard or recognized. Raises
        SettingsError if another channel has that name.
        """
        if party in (*self.parties[:index], *self.parties[index + 1 :]):
            raise SettingsError(f"party {party!r} is on another channel already")
        hearing = self._hearing[index]
        if hearing.active or hearing.busy:
            return False
        self._conductor.hearing.pop(hearing.party, None)
        hearing.party = party
        self._conductor.hearing[party] = hearing
        if self._speakers is not None:
            self._conductor.speakers = {party: self._speakers}
        self.parties = (*self.parties[:index], party, *self.parties[index + 1 :])
        return True

    def remember(self, heard: Iterable[Utterance], timers: Iterable[Control] = ()) -> None:
        """Go on from an earlier session: what was said in it, at negative times, and its pending timers."""
        self._conductor.remember(heard, timers)

    def diarize(self, on: bool) -> None:
        """Tell the people on the channel apart, or leave that for now, where the session can do it at all."""
        if self._speakers is not None:
            self._speakers.paused = not on

    def say(self, text: str) -> None:
        """Speak `text` when the floor is free."""
        self._conductor.say(text)

    def capability_lost(self, capability: str, reason: str) -> None:
        """Tell the session, and whoever follows its events, that something around it failed (a transport, a device)."""
        self._conductor.capability_lost(capability, reason)

    def capability_restored(self, capability: str) -> None:
        """What was lost is back."""
        self._conductor.capability_restored(capability)

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
        async for arrived in self._input:
            frame, words = self._without_echo(arrived)
            self._tell("on_input", frame)
            self._conductor.now = frame.end
            heard = [frame]
            if self._restoring:
                restored = await self._restore(frame)
                if restored is not None and self.settings.restore_hearing:
                    heard = restored
            for heard_frame in heard:
                if self._speakers is not None:
                    one = np.ascontiguousarray(heard_frame.samples[:, 0])
                    self._speakers.hear(AudioChunk(heard_frame.start, one, heard_frame.concealed))
                for index, hearing in enumerate(self._hearing):
                    samples = np.ascontiguousarray(heard_frame.samples[:, index])
                    clear = words if heard_frame is frame else None
                    hearing.perceive(AudioChunk(heard_frame.start, samples, heard_frame.concealed), clear)
            self._conductor.tick(frame.end)

    def _tell_apart(self, engines: Engines, pool: InferencePool) -> SpeakerLabels | None:
        """Of several parties each has a channel of his own, and that tells them apart."""
        if engines.diarizer is None or len(self.parties) > 1:
            return None
        first = engines.voices[0][0] if engines.voices else ""
        speakers = SpeakerLabels(engines.diarizer, pool, engines.voices, self.settings.user or first)
        self._conductor.speakers[self.parties[0]] = speakers
        return speakers

    def _without_echo(self, frame: MultichannelFrame) -> tuple[MultichannelFrame, AudioChunk | None]:
        """The frame, and the same for the recognizer where that is another one."""
        if self._echo_control is None:
            return frame, None
        try:
            clean = self._echo_control.cancel(AudioChunk(frame.start, frame.samples[:, 0], frame.concealed))
        except Exception as error:
            self._echo_control = None
            self.capability_lost("echo cancellation", str(error) or type(error).__name__)
            return frame, None
        quiet = clean.quiet
        return MultichannelFrame(quiet.start, quiet.samples[:, None], quiet.concealed), clean.words

    async def _restore(self, frame: MultichannelFrame) -> list[MultichannelFrame] | None:
        """The restored frames that are complete; None if restoration has failed and is off."""
        if self._restoration is None or self._pool is None:
            return None
        try:
            restored = await self._pool.run("restore", self._restoration.step, frame)
        except Exception as error:
            self._restoring = False
            self.capability_lost("restoration", str(error) or type(error).__name__)
            return None
        for out in restored:
            self._tell("on_restored", out)
            for queue in self._restored:
                queue.put_nowait(out)
        return restored

    async def _load_restoration(self, task: str) -> None:
        from duplex.conversation.live_restoration import LiveRestoration

        if self._pool is None:
            raise StageError("the session is not open")
        self._restoration = await self._pool.run("load", LiveRestoration, task, len(self.parties))
        self._restoring = True

    async def _play(self) -> None:
        at = 0
        while not self._closing:
            await self.clock.sleep_until(self._conductor.began + at / SAMPLE_RATE)
            samples = self._conductor.playback.read(at, OUTPUT_HOP)
            self._conductor.replies.room_made()
            chunk = AudioChunk(at, samples)
            if self._echo_control is not None:
                self._echo_control.play(chunk)
            self._tell("on_output", chunk)
            for listener in self._listeners:
                listener.put_nowait(chunk)
            at += OUTPUT_HOP
            self._conductor.played(at)

    def _tell(self, method: str, what: Any) -> None:
        """A sink that fails (a full disk) is let go; the conversation is not."""
        for sink in tuple(self._sinks):
            try:
                tell = getattr(sink, method, None)  # not every sink wants everything
                if tell is not None:
                    tell(what)
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
