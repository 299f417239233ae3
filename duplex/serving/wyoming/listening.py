"""One stream of sound over Wyoming: voice activity and words are told while it comes, the transcript at its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from wyoming.asr import Transcript, TranscriptChunk, TranscriptStart, TranscriptStop
from wyoming.audio import AudioChunk as WyomingChunk
from wyoming.event import Event
from wyoming.vad import VoiceStarted, VoiceStopped

from duplex.conversation.hearing.input_framer import InputFramer, MultichannelFrame
from duplex.conversation.hearing.segmenter import AsrChunk, Segmenter
from duplex.conversation.hearing.utterances import UtteranceRecognizer
from duplex.models.asr.contract import Hypothesis, Recognizer
from duplex.models.asr.written_numbers import written
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.serving.wyoming.wire import WyomingError
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import StageError
from duplex.streaming.gain import ChannelGains
from duplex.streaming.pool import Steps

RATES = (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000)
"""Hz that may be sent. Others could have filters of millions of taps."""

_WIDTHS = {1: np.dtype("u1"), 2: np.dtype("<i2"), 4: np.dtype("<i4")}
"""Types of samples by their bytes."""
_CHANNELS = 8
_PIECE = 0.1
"""Seconds of sound between two turns of the event loop, from a client that sends much at once."""
_SEEN = 0.6
"""Seconds of an utterance after which it is known how fast it comes."""
_FASTER = 0.5
"""Seconds for a second of sound, in which only a recording comes."""
_PARTY = "user"

Send = Callable[[Event], Awaitable[None]]


class Listening:
    """Hears a stream. steps: where the recognizer works, one step at a time: a client that sends faster waits.

    live: what hears a client that sends as it is spoken. whole: loads what hears utterances that come faster than that,
    a recording's, or those for which this machine has been too slow: nobody waits for words on the way.
    send: what the client is told. longest: seconds of a stream. A listener of the segmenter and of recognition.
    """

    def __init__(
        self,
        live: Recognizer[Any],
        whole: Callable[[], Awaitable[Recognizer[Any]]],
        vad: VoiceActivityDetector[Any],
        settings: Settings,
        steps: Steps,
        send: Send,
        longest: float,
    ) -> None:
        self._live = live
        self._whole = whole
        self._settings = settings
        self._send = send
        self._longest = longest
        self._format: tuple[int, int, int] | None = None
        self._began = 0
        """The stream's first moment on the client's clock, in milliseconds."""
        self._framer = InputFramer()
        self._gains = ChannelGains(1)
        self._pieces: list[AsrChunk] = []
        self._news: list[Event] = []
        self._chosen = 0
        """The utterance for which a recognizer has been chosen last..."""
        self._opened = (0.0, 0)
        """...and when the last one was opened: seconds of the loop's clock, samples of the stream."""
        self._recognizer = UtteranceRecognizer(_PARTY, self, live, steps)
        self._segmenter = Segmenter(
            _PARTY, self, vad, self._pieces.append, gap=settings.utterance_gap, limit=settings.utterance_limit
        )
        self._said: list[str] = []
        """The utterances that are over."""
        self._told = 0
        """Words of the utterance that goes on which the client has been told."""
        self._speaks = False
        """Whether the client has been told that a transcript begins."""
        self._failure = ""

    async def push(self, chunk: WyomingChunk) -> None:
        """Raises WyomingError for sound that is none, or too long, StageError if recognition fails."""
        if self._format is None:
            self._format, self._began = _format(chunk), chunk.timestamp or 0
        elif self._format != (chunk.rate, chunk.width, chunk.channels):
            raise WyomingError("the format of a stream may not change", "invalid-audio")
        samples = _samples(chunk)
        if self._framer.position / SAMPLE_RATE + len(samples) / chunk.rate > self._longest:
            raise WyomingError(f"a stream may last {self._longest:g} s", "too-long")
        size = round(_PIECE * chunk.rate)
        for at in range(0, len(samples), size):
            await self._hear(self._framer.push(samples[at : at + size], chunk.rate))
            await asyncio.sleep(0)

    async def finish(self) -> None:
        """The stream is over: the client is told the transcript. Raises StageError if recognition fails."""
        await self._hear(self._framer.flush())
        self._segmenter.finish()
        await self._recognize()
        self._begin()
        self._news.append(Transcript(" ".join(self._said), language=self._settings.language).event())
        self._news.append(TranscriptStop().event())
        await self._tell()

    async def _hear(self, frames: list[MultichannelFrame]) -> None:
        for frame in frames:
            samples = frame.samples * self._gains.factors(frame.samples)
            self._segmenter.perceive(AudioChunk(frame.start, np.ascontiguousarray(samples[:, 0])))
        await self._tell()
        await self._recognize()

    async def _recognize(self) -> None:
        while self._pieces and await self._choose(self._pieces[0].utterance):
            await self._recognizer.consume(self._pieces.pop(0))
        if self._failure:
            raise StageError(f"recognition failed: {self._failure}")
        await self._tell()

    async def _choose(self, utterance: int) -> bool:
        """Chooses the recognizer of an utterance, once it has been seen how fast it comes. False: not yet."""
        if utterance == self._chosen:
            return True
        came = [piece for piece in self._pieces if piece.utterance == utterance]
        held = sum(len(piece.samples) for piece in came) / SAMPLE_RATE
        if held < _SEEN and not came[-1].last:
            return False
        at, position = self._opened
        took = asyncio.get_running_loop().time() - at
        recording = took < _FASTER * (self._framer.position - position) / SAMPLE_RATE
        await self._recognizer.finish()
        self._recognizer.recognizer = await self._whole() if recording else self._live
        self._chosen = utterance
        return True

    async def _tell(self) -> None:
        news, self._news = self._news, []
        for event in news:
            await self._send(event)

    def _begin(self) -> None:
        if not self._speaks:
            self._speaks = True
            self._news.append(TranscriptStart(language=self._settings.language).event())

    def _add(self, words: list[str]) -> None:
        if words:
            self._begin()
            first = not self._said and not self._told
            self._told += len(words)
            self._news.append(TranscriptChunk(("" if first else " ") + " ".join(words)).event())

    def _milliseconds(self, sample: int) -> int:
        return self._began + round(1000 * sample / SAMPLE_RATE)

    # ActivityListener

    def speech_started(self, at: int, onset: int, party: str) -> None:
        self._news.append(VoiceStarted(self._milliseconds(onset)).event())

    def speech_ended(self, at: int, onset: int, offset: int, party: str) -> None:
        self._news.append(VoiceStopped(self._milliseconds(offset)).event())

    def utterance_opened(self, party: str) -> None:
        self._opened = (asyncio.get_running_loop().time(), self._framer.position)

    # HypothesisListener

    def hypothesis(self, party: str, onset: int, base: int, hypothesis: Hypothesis) -> None:
        """The stable words of an utterance are never taken back, so they are told; numbers, once all of it is heard."""
        words = [word.text for word in hypothesis.words]
        if not hypothesis.final:
            if not self._settings.written_numbers:
                self._add(words[self._told : hypothesis.stable])
            return
        if self._settings.written_numbers:
            words = [piece.text for piece in written(words, self._settings.language)]
        self._add(words[self._told :])
        self._told = 0
        if words:
            self._said.append(" ".join(words))

    def capability_lost(self, capability: str, reason: str) -> None:
        self._failure = reason

    def capability_restored(self, capability: str) -> None:
        pass


def _format(chunk: WyomingChunk) -> tuple[int, int, int]:
    rate, width, channels = chunk.rate, chunk.width, chunk.channels
    if not all(isinstance(each, int) for each in (rate, width, channels)):
        raise WyomingError("rate, width and channels must be whole numbers", "invalid-audio")
    if rate not in RATES:
        raise WyomingError(f"rate must be one of {', '.join(map(str, RATES))}", "invalid-audio")
    if width not in _WIDTHS:
        raise WyomingError("width must be 1, 2 or 4 bytes", "invalid-audio")
    if not 1 <= channels <= _CHANNELS:
        raise WyomingError(f"channels must be 1 to {_CHANNELS}", "invalid-audio")
    if not isinstance(chunk.timestamp, int | None):
        raise WyomingError("timestamp must be a number of milliseconds", "invalid-audio")
    return rate, width, channels


def _samples(chunk: WyomingChunk) -> np.ndarray:
    """(n, channels) as they were sent."""
    if len(chunk.audio) % (chunk.width * chunk.channels):
        raise WyomingError("the payload ends within a sample", "invalid-audio")
    return np.frombuffer(chunk.audio, _WIDTHS[chunk.width]).reshape(-1, chunk.channels)
