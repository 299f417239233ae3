"""A session: one conversation. Audio goes in, events and the assistant's voice come out.

Perceive: every 20 ms frame is segmented and ticks the floor. Decide: the floor, which is pure, answers at once.
Respond: replies are made beside it and played at the pace of the clock. All of it is one pipeline
(streaming/pipeline.py); no part waits for another but through a bounded queue.

Long because everything that can be asked of a session is asked of this one object.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Any

import numpy as np

from duplex import events as ev
from duplex.conversation.audience import Audience, Sink
from duplex.conversation.captions.live import LiveCaptions
from duplex.conversation.hearing.input_framer import InputFramer, MultichannelFrame
from duplex.conversation.hearing.perception import EchoControl, Perception
from duplex.conversation.hearing.sounds import LiveSounds
from duplex.conversation.hearing.speaker_labels import SpeakerLabels
from duplex.conversation.host_controls import HostControls
from duplex.conversation.interpreting.live import InterpretedSound, LiveInterpreting
from duplex.conversation.manner import Manner
from duplex.conversation.tool_log import lost_tools
from duplex.conversation.turn_manager import TurnManager
from duplex.conversation.turn_so_far import TurnSoFar
from duplex.conversation.typed import typed_text
from duplex.conversation.wall_time import WallTime
from duplex.engines import Engines, own_engines
from duplex.models.interaction.contract import listener_of
from duplex.models.interaction.decider import RULES, load_decider
from duplex.models.language_tags import primary
from duplex.models.tts.contract import Voice
from duplex.settings import Settings
from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.clock import Clock, SystemClock
from duplex.streaming.errors import SettingsError, StageError
from duplex.streaming.limiter import soft_limit
from duplex.streaming.loop_watchdog import LoopWatchdog
from duplex.streaming.pipeline import Pipeline
from duplex.streaming.pool import InferencePool, Steps
from duplex.streaming.system_zone import in_system_zone

__all__ = ["Session", "Sink"]

OUTPUT_HOP = FRAME // 2
"""Samples of the assistant's voice committed at a time: with the fade of a cut it ends within one frame (20 ms)."""

OWN_VOICE = "settings: interpret"
"""The listener to whom the interpreter speaks in the session's own voice."""

LATE = 0.25
"""Seconds behind the clock from which playback skips: what nobody could hear in time is silence, not speech."""

CLOSE_LIMIT = 30.0
"""Seconds that a session may take to hear out what it was given before it is closed all the same."""


class Session:
    """A full-duplex conversation.

        async with duplex.Session(duplex.Settings()) as session:
            session.feed(block)                   # any rate, any size; never waits
            async for event in session.events():
                ...

    parties: names of the input's channels. engines: what hears, answers and speaks; made from the settings if not
    given, and then closed with the session. clock: a SystemClock, or a VirtualClock whose `run` drives the loop.
    echo_control: takes the assistant's own voice out of the input of one party, where a loudspeaker plays it. `host`
    has what servers and devices around a session need.
    Raises DuplexError on entry when an engine is unavailable.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        parties: Sequence[str] = ("user",),
        engines: Engines | None = None,
        clock: Clock | None = None,
        pool: Steps | None = None,
        sinks: Sequence[Sink] = (),
        wall_time: datetime | None = None,
        echo_control: EchoControl | None = None,
    ) -> None:
        self.settings = settings or Settings()
        self.clock = clock or SystemClock()
        self.host = HostControls(tuple(parties))
        self.watchdog = LoopWatchdog()
        """How late the event loop has run while the session was open."""
        self._engines = engines
        self._pool = pool
        self._audience = Audience(sinks, lambda capability, reason: self._manager.capability_lost(capability, reason))
        self._wall_time = WallTime(self.clock, _wall_time(self.settings, wall_time))
        if echo_control is not None and len(self.parties) > 1:
            raise SettingsError(f"echo control is for one microphone; this session hears {len(self.parties)} parties")
        self._echo_control = echo_control
        self._framer = InputFramer(len(self.parties))
        self._stack: AsyncExitStack | None = None
        self._played = 0
        self._manager: TurnManager
        self._perception: Perception

    async def __aenter__(self) -> Session:
        async with AsyncExitStack() as stack:
            steps = self._pool
            if steps is None:
                own_pool = InferencePool(self.settings.workers, inline=self.clock.virtual)
                stack.push_async_callback(own_pool.aclose)
                steps = self._pool = own_pool
            engines = self._engines
            if engines is None:
                engines = self._engines = await own_engines(steps, self.settings, stack)
            self._build(engines, steps)
            await self._captions.begin()
            if self.settings.restore:
                await self._perception.restore(self.settings.restore, 0)
            await stack.enter_async_context(self.watchdog)
            stack.callback(self._audience.close)
            await stack.enter_async_context(self._pipeline)
            self._perception.declare(self._pipeline)
            if self.settings.interpret:
                await self.interpret(OWN_VOICE, self.settings.interpret)
            self._pipeline.spawn("playback", self._play())
            known = {name: value for name, value in self.settings.as_dict().items() if value != ""}
            self._emit(ev.SessionStarted(0, 0, self.parties, self._wall_time.start.isoformat(), known))
            for missing in lost_tools(engines.answerer):
                self._manager.capability_lost("tools", missing)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        stack, self._stack = self._stack, None
        assert stack is not None
        async with stack:
            try:
                if kind is None:
                    await self._close()
            finally:
                self._manager.replies.stop()
                self._pipeline.stop()
                self._turn.close()

    async def _close(self) -> None:
        """Hear out what was fed; what takes too long is dropped, and said."""
        try:
            async with asyncio.timeout(CLOSE_LIMIT):
                await self._pipeline.drain()
        except TimeoutError:
            self._manager.capability_lost("closing", f"what was heard last was not worked off in {CLOSE_LIMIT:g} s")
        self._manager.replies.stop()  # a reply that waits for room in playback would wait for ever
        self._manager.finish_reply(interrupted=True)
        self._interpreting.close()
        self._emit(ev.SessionEnded(self.now, self.now, self._pipeline.stats(), self.watchdog.as_dict()))

    @property
    def parties(self) -> tuple[str, ...]:
        """Names of the input's channels."""
        return self.host.parties

    @property
    def now(self) -> int:
        """The sample up to which the session has perceived."""
        return self._manager.now

    def feed(self, block: np.ndarray, sample_rate: int = SAMPLE_RATE, start: int | None = None) -> None:
        """Give the session audio: (n,) or (n, parties), integers or floats in [-1, 1]; never waits.

        start: place of the block on the input's clock, in samples at `sample_rate`, for transports that lose packets:
        a gap is filled with silence. Without it blocks follow one another. Raises InputError on unusable audio.
        """
        for frame in self._framer.push(block, sample_rate, start):
            self._perception.input.put(frame)

    async def finish(self, limit: float = 30.0) -> None:
        """No more input: hear silence until the conversation is over, at most `limit` seconds, and close the input."""
        for frame in self._framer.flush():
            self._perception.input.put(frame)
        silence = np.zeros((FRAME, len(self.parties)), np.float32)
        deadline = self._framer.position + round(limit * SAMPLE_RATE)
        while self._framer.position < deadline:
            await self.clock.sleep_until(self._manager.began + (self._framer.position + FRAME) / SAMPLE_RATE)
            busy = self._perception.busy or self._captions.busy or self._interpreting.busy
            if not busy and self._manager.settled(deadline):
                break
            self.feed(silence)
        self._perception.input.queue.close()

    def events(self) -> AsyncIterator[ev.Event]:
        """Events from now on, until the session ends. A slow reader loses the oldest, at 4096 unread."""
        return self._audience.subscribe("events")

    def audio(self) -> AsyncIterator[AudioChunk]:
        """The assistant's voice, 10 ms at a time at the pace of the clock, silence included."""
        return self._audience.subscribe("audio")

    def restored(self) -> AsyncIterator[MultichannelFrame]:
        """The restored input, 20 ms at a time, while restoration is on. A slow reader loses the oldest."""
        return self._audience.subscribe("restored")

    async def restore(self, task: str) -> None:
        """Switch live restoration on, to another task, or off (""). Raises SettingsError, ModelError."""
        if self._stack is None:
            raise StageError("the session is not open")
        if task:
            await self._perception.restore(task, self.now)
        else:
            self._perception.stop_restoring()

    async def translate(self, listener: str, language: str) -> None:
        """Captions in this language for a listener from now on: `Translation` events; empty: none any more. Listeners
        of one language share its captions. Raises SettingsError for a pair that the translator lacks, ModelError."""
        await self._captions.translate(listener, language)

    async def interpret(self, listener: str, language: str) -> None:
        """Translations are spoken in this language for a listener from now on, while the speaker goes on; empty: not
        any more. Listeners of one language share its voice: a sink's `on_interpreted` takes what the voices say.
        Raises SettingsError for a pair that the translator lacks or a language that the synthesizer does not speak,
        ModelError."""
        await self._interpreting.interpret(listener, language)

    @property
    def input_gain(self) -> float:
        """dB by which hearing has had to raise the input at most: above 0 where it was quiet."""
        return self._perception.gains.highest

    @property
    def restoring(self) -> bool:
        """Whether the input is being restored."""
        return self._perception.restoring

    def assist(self, on: bool) -> None:
        """Answer from now on, or only listen and write down: a reply that is being given then ends at once."""
        self._manager.assist(on)

    def say(self, text: str, *, urgent: bool = False) -> None:
        """Speak `text` when the floor is free; if urgent, at the next clause end of a reply that is being given."""
        self._manager.say(text, urgent=urgent)

    def type(self, text: str, party: str = "") -> None:
        """A turn that `party` (the first, if not named) has typed: it is answered by voice, at once.

        Raises InputError for text that is empty or too long, SettingsError for a party that is not in the session.
        """
        if party and party not in self.parties:
            raise SettingsError(f"party {party!r} is not in this session: {', '.join(self.parties)}")
        self._manager.typed(party or self.parties[0], typed_text(text))

    @property
    def timings(self) -> dict[str, Any]:
        """Wall-clock cost of each kind of model step."""
        return dict(self._pool.timings) if self._pool else {}

    def _build(self, engines: Engines, steps: Steps) -> None:
        settings = self.settings
        voice = Voice(settings.voice, settings.language, settings.speech_rate, settings.speech_volume)
        self._pipeline = Pipeline(self.host)
        self._turn = TurnSoFar(
            engines.turn_taking,
            engines.answerer,
            steps,
            lambda text, value: self._manager.floor.scored(text, value),
        )
        listener = listener_of(engines.answerer)
        before = [] if listener is None else [listener.gate(self._turn.dialogue)]
        self._manager = TurnManager(
            settings.floor,
            Manner(
                voice,
                settings.assistant,
                settings.playback_buffer,
                settings.language,
                settings.match_level,
                settings.warn_of_sounds,
            ),
            engines.turn_taking,
            engines.answerer,
            engines.synthesizer,
            steps,
            self.clock,
            self._wall_time,
            self._emit,
            self._pipeline.spawn,
            self._turn,
            engines.decider or load_decider(RULES, engines.turn_taking, settings.floor, before=before),
            lambda percept: self._audience.tell("on_percept", percept),
            settings.log_decisions,
        )
        labels = None
        if engines.diarizer is not None and len(self.parties) == 1:  # several parties have a channel each
            first = engines.voices[0][0] if engines.voices else ""
            labels = SpeakerLabels(
                engines.diarizer, steps, engines.voices, settings.user or first, self._manager.speaker_turn
            )
            self._manager.speakers[self.parties[0]] = labels
        tagger, heard = engines.tagger, self._manager.sound_heard
        sounds = [LiveSounds(party, tagger, steps, heard) for party in self.parties] if tagger is not None else []
        self._perception = Perception(
            self.parties,
            self._manager,
            self._audience,
            steps,
            vad=engines.vad,
            recognizer=engines.recognizer,
            spotter=engines.spotter,
            labels=labels,
            sounds=sounds,
            echo_control=self._echo_control,
            buffer=settings.input_buffer,
            gap=settings.utterance_gap,
            limit=settings.utterance_limit,
            restore_engine=settings.restore_engine,
            restore_hearing=settings.restore_hearing,
            listener=listener,
            dialogue=self._turn.dialogue,
        )
        self._turn.follow(self._perception.nodes)
        self._manager.deciding.node.after = tuple(self._perception.nodes)
        for node in (*self._turn.nodes, self._manager.deciding.node):
            self._pipeline.add(node)
        self._captions = LiveCaptions(
            engines.translator, settings, steps, self._pipeline, self._perception, self._manager, self._emit
        )
        self._interpreting = LiveInterpreting(
            self._captions,
            engines.synthesizer,
            voice,
            settings.interpret_delay,
            steps,
            self._pipeline.spawn,
            lambda: self._played,
            self._emit,
            self._manager.capability_lost,
        )
        self.host.attach(self._manager, self._perception, self._captions, engines)

    async def _play(self) -> None:
        at = 0
        while True:
            due = self._manager.began + at / SAMPLE_RATE
            await self.clock.sleep_until(due)
            if (late := self.clock.now() - due) > LATE:
                at = self._skip(at, round(late * SAMPLE_RATE / OUTPUT_HOP))
            chunk = AudioChunk(at, self._spoken(at))
            self._manager.replies.room_made()
            self._put_out(chunk)
            at += OUTPUT_HOP
            self._played = at
            self._manager.played(at)
            self._captions.tick()

    def _spoken(self, at: int) -> np.ndarray:
        """What is said in the next hop: the assistant's voice, or the interpreter's of the settings."""
        samples, voices = self._manager.playback.read(at, OUTPUT_HOP), self._interpreting.read(at, OUTPUT_HOP)
        own = voices.pop(primary(self.settings.interpret), None)
        self._audience.tell("on_interpreted", InterpretedSound(at, voices))
        return samples if own is None else soft_limit(samples + own)

    def _skip(self, at: int, hops: int) -> int:
        """After a stall: nobody heard anything meanwhile, so the reply goes on where it was."""
        for _ in range(hops):
            self._put_out(AudioChunk(at, np.zeros(OUTPUT_HOP, np.float32)))
            at += OUTPUT_HOP
        self._played = at
        return at

    def _put_out(self, chunk: AudioChunk) -> None:
        self._perception.played(chunk)
        self._audience.tell("on_output", chunk)
        self._audience.publish("audio", chunk)

    def _emit(self, event: ev.Event) -> None:
        if isinstance(event, ev.Translation):
            self._interpreting.hear(event)
        self._audience.tell("on_event", event)
        self._audience.publish("events", event)


def _wall_time(settings: Settings, given: datetime | None) -> datetime | None:
    return in_system_zone(datetime.fromisoformat(settings.wall_time)) if settings.wall_time else given
