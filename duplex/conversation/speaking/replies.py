"""Replies: text as it is made, sentence by sentence into speech, and into playback.

Every reply has an epoch. When the floor moves on the epoch is stale: playback takes nothing more from it, and its task
is ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from duplex.conversation.speaking.active_reply import ActiveReply
from duplex.conversation.speaking.level_match import LevelMatch
from duplex.conversation.speaking.playback import Playback
from duplex.conversation.speaking.track import Track
from duplex.models.interaction.contract import Answerer, Control, Request, Say
from duplex.models.interaction.sentences import SentenceSplitter, speakable
from duplex.models.interaction.spoken_text import described
from duplex.models.tts import SpeechStream
from duplex.models.tts.contract import Synthesizer, Voice, WordMark
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import Clock
from duplex.streaming.limiter import soft_limit
from duplex.streaming.pipeline import reason_of
from duplex.streaming.pool import Steps
from duplex.streaming.resample import StreamResampler

SORRY = "Sorry, I cannot reach the language model."
NOTHING_YET = "I have not said anything yet."

STEP_LIMIT = 20.0
"""Seconds after which the synthesizer's next chunk counts as never to come."""


class ReplyListener(Protocol):
    """Who hears about replies (the session)."""

    @property
    def now(self) -> int: ...

    def reply_text(self, epoch: int, text: str) -> None: ...

    def reply_shown(self, epoch: int, text: str) -> None: ...

    def reply_made(self, epoch: int) -> None: ...

    def control(self, control: Control) -> None: ...

    def capability_lost(self, capability: str, reason: str) -> None: ...

    def capability_restored(self, capability: str) -> None: ...


class Replies:
    """Makes replies and feeds playback. `voice` may be changed at any time; the next sentence has it. `silent`: replies
    that begin from then on are written instead of spoken."""

    def __init__(
        self,
        listener: ReplyListener,
        answerer: Answerer,
        synthesizer: Synthesizer,
        playback: Playback,
        steps: Steps,
        clock: Clock,
        voice: Voice,
        spawn: Callable[[Any], asyncio.Task[None]],
        level: LevelMatch | None = None,
    ) -> None:
        self.voice = voice
        self.silent = False
        self.current: ActiveReply | None = None
        self.last_text = ""
        """What the last reply said, for "say that again"."""
        self._listener = listener
        self._answerer = answerer
        self._synthesizer = synthesizer
        self._playback = playback
        self._steps = steps
        self._clock = clock
        self._spawn = spawn
        self._level = level
        self._room = asyncio.Event()
        self._lost: set[str] = set()

    def answer(self, epoch: int, turn: int, request: Request) -> None:
        self._start(ActiveReply(epoch, turn, self._listener.now), request)

    def announce(self, epoch: int, turn: int, text: str) -> None:
        self._start(ActiveReply(epoch, turn, self._listener.now, announcement=text), None)

    async def synthesize(self, text: str) -> tuple[str, np.ndarray, tuple[WordMark, ...]]:
        """All of a short text: as it is spoken, (n,) at 16 kHz, and word marks. Raises what the synthesizer raises."""
        spoken = f"{speakable(text).strip()} "
        for engine, voice in self._speakers():
            try:
                samples, marks = await self._synthesized(engine, voice, spoken)
            except Exception as error:
                if getattr(engine, "spare", None) is None:
                    raise
                self._failed("speech", error)
            else:
                break
        if self._level is not None:
            self._level.speak(samples, self.voice.volume)
            samples = soft_limit(samples * np.float32(self._level.gain()))
        return spoken, samples, marks

    async def _synthesized(
        self, engine: Synthesizer, voice: Voice, spoken: str
    ) -> tuple[np.ndarray, tuple[WordMark, ...]]:
        rate = engine.sample_rate
        resampler = StreamResampler(rate, SAMPLE_RATE)
        pieces: list[np.ndarray] = []
        marks: dict[int, WordMark] = {}
        chunks = SpeechStream(engine.synthesize(spoken, voice))
        try:
            while (chunk := await self._steps.run("speak", next, chunks, None, limit=STEP_LIMIT)) is not None:
                pieces.append(resampler.push(chunk.samples))
                marks.update((mark.text_start, _on_playback(mark, 0, 0, rate)) for mark in chunk.marks)
        finally:
            chunks.close()
        return np.concatenate([*pieces, resampler.flush()]), tuple(marks.values())

    def stop(self) -> None:
        """Make no more of the current reply. What playback already has of it is not touched."""
        current = self.current
        if current is None:
            return
        current.stopped = True
        self._room.set()
        if current.waiting and current.task is not None:
            current.task.cancel()

    def finish(self) -> tuple[ActiveReply, Track | None] | None:
        """The current reply is over: take it away."""
        current, self.current = self.current, None
        if current is None:
            return None
        track = self._playback.end()
        if track is not None and track.text.strip():
            self.last_text = track.text.strip()
        return current, track

    def room_made(self) -> None:
        """Playback has been read from."""
        self._room.set()

    def _start(self, current: ActiveReply, request: Request | None) -> None:
        self.current = current
        current.shown = self.silent
        self._playback.begin(current.epoch)
        current.task = self._spawn(self._make(current, request))

    async def _make(self, current: ActiveReply, request: Request | None) -> None:
        splitter = SentenceSplitter()
        try:
            if request is None:
                await self._say(current, splitter, current.announcement)
            else:
                await self._answer(current, splitter, request)
            for sentence in splitter.flush():
                await self._speak(current, sentence)
            track = self._playback.track
            if request is not None and current.written.strip() and track is not None and not track.text.strip():
                await self._speak(current, described(current.written))
        finally:
            self._playback.finish(current.epoch)
            self._listener.reply_made(current.epoch)

    async def _answer(self, current: ActiveReply, splitter: SentenceSplitter, request: Request) -> None:
        pieces = self._answerer.answer(request)
        try:
            while not current.stopped:
                current.waiting = True
                with self._clock.hold():
                    piece = await anext(pieces, None)
                current.waiting = False
                if piece is None:
                    break
                if isinstance(piece, Say):
                    await self._say(current, splitter, piece.text)
                elif piece.action == "repeat":
                    await self._say(current, splitter, self.last_text or NOTHING_YET)
                else:
                    self._listener.control(piece)
            self._restored("answering")
        except Exception as error:
            current.waiting = False
            self._failed("answering", error)
            for sentence in splitter.flush():
                await self._speak(current, sentence)
            await self._say(current, splitter, f" {getattr(error, 'spoken', '') or SORRY}")
        finally:
            close = getattr(pieces, "aclose", None)
            if close is not None:
                await close()

    async def _say(self, current: ActiveReply, splitter: SentenceSplitter, text: str) -> None:
        if current.first_token is None and text.strip():
            current.first_token = self._listener.now
        current.written += text
        if current.shown:
            self._show(current, text)
            return
        for sentence in splitter.push(text):
            await self._speak(current, sentence)

    def _show(self, current: ActiveReply, text: str) -> None:
        """A piece as it is made, markup and all."""
        track = self._playback.track
        if track is None or current.stopped:
            return
        text = text if track.text else text.lstrip()
        if text and self._playback.append_text(current.epoch, text) >= 0:
            track.shown = True
            self._listener.reply_shown(current.epoch, text)

    async def _speak(self, current: ActiveReply, sentence: str) -> None:
        """Synthesize one sentence into playback, no faster than playback has room for it."""
        track = self._playback.track
        text = speakable(sentence).strip()
        if not text or track is None or current.stopped:
            return
        offset = self._playback.append_text(current.epoch, f"{text} ")
        self._listener.reply_text(current.epoch, text)
        base = track.written
        for engine, voice in self._speakers():
            try:
                await self._sound(current, engine, voice, text, offset, base)
            except Exception as error:
                self._failed("speech", error)
                if track.written != base:
                    return  # half of it has been heard
            else:
                if engine is self._synthesizer:
                    self._restored("speech")
                return

    def _speakers(self) -> Iterator[tuple[Synthesizer, Voice]]:
        """The engine, and what speaks in its place where it fails, in a voice of its own."""
        yield self._synthesizer, self.voice
        spare = getattr(self._synthesizer, "spare", None)
        if spare is not None:
            yield spare, replace(self.voice, name="")

    async def _sound(
        self, current: ActiveReply, engine: Synthesizer, voice: Voice, text: str, offset: int, base: int
    ) -> None:
        rate = engine.sample_rate
        resampler = StreamResampler(rate, SAMPLE_RATE)
        # The space asks for the pause between sentences.
        chunks = SpeechStream(engine.synthesize(f"{text} ", voice))
        try:
            while (chunk := await self._steps.run("speak", next, chunks, None, limit=STEP_LIMIT)) is not None:
                marks = tuple(_on_playback(mark, offset, base, rate) for mark in chunk.marks)
                if not await self._write(current, resampler.push(chunk.samples), marks):
                    return
            await self._write(current, resampler.flush(), ())
        finally:
            chunks.close()

    async def _write(self, current: ActiveReply, samples: np.ndarray, marks: tuple[WordMark, ...]) -> bool:
        if self._level is not None:
            self._level.speak(samples, self.voice.volume)
            if current.gain is None and len(samples):
                current.gain = self._level.gain()
            if current.gain is not None and current.gain != 1.0:
                samples = soft_limit(samples * np.float32(current.gain))
        while self._playback.room() <= 0 and not current.stopped:
            self._room.clear()
            await self._room.wait()
        return self._playback.write(current.epoch, samples, marks)

    def _failed(self, capability: str, error: Exception) -> None:
        if capability not in self._lost:
            self._lost.add(capability)
            self._listener.capability_lost(capability, reason_of(error))

    def _restored(self, capability: str) -> None:
        if capability in self._lost:
            self._lost.discard(capability)
            self._listener.capability_restored(capability)


def _on_playback(mark: WordMark, text_offset: int, base: int, rate: int) -> WordMark:
    scale = SAMPLE_RATE / rate
    return replace(
        mark,
        text_start=mark.text_start + text_offset,
        text_end=mark.text_end + text_offset,
        start=base + round(mark.start * scale),
        end=base + round(mark.end * scale),
    )
