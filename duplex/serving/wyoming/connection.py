"""What one Wyoming client asks, event by event. What cannot be done is answered with an error, which ends the
connection: clients that wait for a transcript or for sound read nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Protocol, TypeVar

from wyoming.asr import Transcribe
from wyoming.audio import AudioChunk
from wyoming.error import Error
from wyoming.event import Event
from wyoming.ping import Ping, Pong
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStopped, SynthesizeVoice

from duplex.models.language_tags import primary
from duplex.serving.audio.service import AudioService
from duplex.serving.http.metrics import Metrics
from duplex.serving.wyoming.listening import Listening
from duplex.serving.wyoming.programs import Programs
from duplex.serving.wyoming.speaking import Speaking
from duplex.serving.wyoming.wire import EventStream, WyomingError, WyomingLimits
from duplex.streaming.errors import CallError, DuplexError, StageError

Asked = TypeVar("Asked", covariant=True)


class _Kind(Protocol[Asked]):
    """A class of the package's events."""

    def from_event(self, event: Event) -> Asked: ...


class Connection:
    """remote: the client's address, whose requests are counted."""

    def __init__(
        self,
        service: AudioService,
        programs: Programs,
        stream: EventStream,
        limits: WyomingLimits,
        metrics: Metrics,
        remote: str,
    ) -> None:
        self._service = service
        self._programs = programs
        self._stream = stream
        self._limits = limits
        self._metrics = metrics
        self._remote = remote
        self._listening: Listening | None = None
        self._speaking: Speaking | None = None
        self._request = AsyncExitStack()
        """What the stream or the text that is being taken in holds."""
        self._answers: dict[str, Callable[[Event], Awaitable[None]]] = {
            "describe": self._describe,
            "ping": self._ping,
            "transcribe": self._transcribe,
            "audio-start": self._audio_start,
            "audio-chunk": self._audio_chunk,
            "audio-stop": self._audio_stop,
            "synthesize": self._synthesize,
            "synthesize-start": self._synthesize_start,
            "synthesize-chunk": self._synthesize_chunk,
            "synthesize-stop": self._synthesize_stop,
            "detect": self._refuse,
            "recognize": self._refuse,
        }

    async def serve(self) -> None:
        """Until the client ends it, or asks what cannot be done. Raises ConnectionError if the client is gone."""
        try:
            async with self._request:
                while (event := await self._stream.read()) is not None:
                    answer = self._answers.get(event.type)
                    if answer is not None:  # others are left alone, as the protocol has it
                        await answer(event)
                if self._listening is not None or self._speaking is not None:
                    raise ConnectionAbortedError("the client left in the middle")
        except DuplexError as error:
            await self._stream.write(Error(str(error), _code(error)).event())

    async def _describe(self, event: Event) -> None:
        await self._stream.write(self._programs.info().event())

    async def _ping(self, event: Event) -> None:
        await self._stream.write(Pong(_read(Ping, event).text).event())

    async def _refuse(self, event: Event) -> None:
        raise WyomingError(f"this server has no service for {event.type!r}: see `describe`", "unsupported")

    # Speech to text, and voice activity.

    async def _transcribe(self, event: Event) -> None:
        language = _text(_read(Transcribe, event).language or "", "language")
        if language and primary(language) != self._programs.language:
            raise WyomingError(f"this server hears {self._programs.language}, not {language[:20]!r}", "language")

    async def _audio_start(self, event: Event) -> None:
        if self._listening is not None:
            raise WyomingError("audio-start: the stream before it has no audio-stop", "invalid-event")
        await self._listen()

    async def _audio_chunk(self, event: Event) -> None:
        listening = self._listening or await self._listen()  # voice activity needs no audio-start
        await listening.push(_read(AudioChunk, event))

    async def _audio_stop(self, event: Event) -> None:
        listening = self._listening or await self._listen()
        await listening.finish()
        self._listening = None
        await self._end()

    async def _listen(self) -> Listening:
        await self._begin("wyoming transcribe")
        engines, service = self._service.engines, self._service
        self._listening = Listening(
            await engines.live_recognizer(),
            engines.recognizer,
            await engines.vad(),
            service.settings,
            service.steps,
            self._stream.write,
            service.limits.recording,
        )
        return self._listening

    # Text to speech.

    async def _synthesize(self, event: Event) -> None:
        if self._speaking is not None:
            return  # the whole text again, for servers that cannot speak it as it is written
        asked = _read(Synthesize, event)
        speaking = await self._speak(asked.voice, asked.text_format)
        await speaking.whole(_text(asked.text))
        await self._end()

    async def _synthesize_start(self, event: Event) -> None:
        if self._speaking is not None:
            raise WyomingError("synthesize-start: the text before it has no synthesize-stop", "invalid-event")
        asked = _read(SynthesizeStart, event)
        self._speaking = await self._speak(asked.voice, asked.text_format)

    async def _synthesize_chunk(self, event: Event) -> None:
        if self._speaking is None:
            raise WyomingError("synthesize-chunk: there was no synthesize-start", "invalid-event")
        await self._speaking.push(_text(_read(SynthesizeChunk, event).text))

    async def _synthesize_stop(self, event: Event) -> None:
        if self._speaking is None:
            raise WyomingError("synthesize-stop: there was no synthesize-start", "invalid-event")
        await self._speaking.finish()
        self._speaking = None
        await self._stream.write(SynthesizeStopped().event())
        await self._end()

    async def _speak(self, asked: SynthesizeVoice | None, format: str | None) -> Speaking:
        if format not in (None, "text"):
            raise WyomingError(f"text_format: only text is spoken, not {str(format)[:20]!r}", "unsupported")
        name, language = (asked.name or "", asked.language or "") if asked else ("", "")
        voice = self._programs.voice(_text(name, "voice"), _text(language, "language"))
        await self._begin("wyoming synthesize")
        synthesizer = await self._service.engines.synthesizer()
        return Speaking(synthesizer, voice, self._service.steps, self._stream.write, self._limits.text)

    # What one request holds.

    async def _begin(self, route: str) -> None:
        if self._listening is not None or self._speaking is not None:
            raise WyomingError("one request at a time: open another connection for another", "invalid-event")
        await self._request.enter_async_context(self._counted(route))
        await self._request.enter_async_context(self._service.admitted(self._remote))

    async def _end(self) -> None:
        await self._request.aclose()

    @asynccontextmanager
    async def _counted(self, route: str) -> AsyncIterator[None]:
        began, status = time.perf_counter(), "gone"
        try:
            with self._metrics.present.labels(route).track_inprogress():
                yield
            status = "ok"
        except DuplexError as error:
            status = _code(error)
            raise
        finally:
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)


def _read(kind: _Kind[Asked], event: Event) -> Asked:
    """Raises WyomingError for an event whose data are not as the protocol has them."""
    try:
        return kind.from_event(event)
    except (KeyError, TypeError, AttributeError, ValueError):
        raise WyomingError(f"{event.type}: its data are not understood", "invalid-event") from None


def _text(value: object, name: str = "text") -> str:
    if not isinstance(value, str):
        raise WyomingError(f"{name} must be a text", "invalid-event")
    return value


def _code(error: DuplexError) -> str:
    if isinstance(error, CallError | WyomingError):
        return error.reason if isinstance(error, CallError) else error.code
    return "engine-failed" if isinstance(error, StageError) else "engine-unavailable"
