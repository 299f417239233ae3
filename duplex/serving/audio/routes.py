"""The routes `/v1/audio/transcriptions`, `/v1/audio/translations`, `/v1/audio/speech` and `/v1/models`.

Programs that speak the OpenAI API use them with the server's token as their key. Each route means the one recognizer
and the one synthesizer of this server, whatever the model is called.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from aiohttp import web

from duplex.batch.checks import check_language
from duplex.models.language_tags import primary
from duplex.serving.audio.answers import delta, event
from duplex.serving.audio.encoder import MEDIA_TYPES
from duplex.serving.audio.jobs import AudioEngines, AudioJobs
from duplex.serving.audio.limits import AudioLimits
from duplex.serving.audio.recordings import Heard, RecordingWork
from duplex.serving.audio.requests import (
    DIARIZED,
    RECOGNIZERS,
    SYNTHESIZERS,
    TranscriptionRequest,
    parse_speech,
    parse_transcription,
)
from duplex.serving.audio.speech import EncodedSpeech, voice_of
from duplex.serving.audio.upload import Upload, receive
from duplex.serving.disk import DiskThreads
from duplex.serving.hosts.contract import CallHost
from duplex.serving.http.api_errors import ApiError
from duplex.serving.http.limits import RateLimiter
from duplex.settings import Settings
from duplex.streaming.clock import SystemClock
from duplex.streaming.errors import CallError, DuplexError, SettingsError
from duplex.streaming.pool import Steps

log = logging.getLogger(__name__)

T = TypeVar("T")

IGNORED = "X-Duplex-Ignored"
"""The header that names fields which have no effect here."""

_FORM = 1 << 20
"""Bytes of a form besides its recording."""
_LOOK = 0.25
"""Seconds between two looks whether a program is still there."""
_BURST = 60.0
_SENT = 1 << 14


class AudioRoutes:
    """The routes, over engines of their own. Use as an async context manager, around the server that has them.

    host: whose calls come first: while it sheds load or drains, nothing is accepted. steps: where models work, such as
    a share of the host's pool. engines: instead of those that the settings name.
    """

    def __init__(
        self,
        host: CallHost,
        settings: Settings,
        steps: Steps,
        *,
        limits: AudioLimits | None = None,
        engines: AudioEngines | None = None,
    ) -> None:
        self.limits = limits or AudioLimits()
        self.bodies: Mapping[str, int] = dict.fromkeys(
            ("/v1/audio/transcriptions", "/v1/audio/translations"), self.limits.upload + _FORM
        )
        """Bytes of a body, by path, where they are more than elsewhere."""
        self.keys: Mapping[str, Callable[[str], bool]] = {}
        """Of these routes there are none but the server's token."""
        self._host = host
        self._settings = settings
        self._steps = steps
        self._engines = engines or AudioEngines(settings, steps)
        self._jobs = AudioJobs(steps, self.limits)
        self._disk = DiskThreads()
        self._rate = RateLimiter(SystemClock(), self.limits.rate, _BURST)

    async def __aenter__(self) -> AudioRoutes:
        return self

    async def __aexit__(self, *error: Any) -> None:
        await self._jobs.close()
        await self._engines.close()
        await self._disk.aclose()

    def add_to(self, router: web.UrlDispatcher) -> None:
        router.add_post("/v1/audio/transcriptions", self._transcriptions)
        router.add_post("/v1/audio/translations", self._translations)
        router.add_post("/v1/audio/speech", self._speech)
        router.add_get("/v1/models", self._models)
        router.add_get("/v1/models/{model}", self._model)

    async def _models(self, request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [_described(name) for name in self._names()]})

    async def _model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        if name not in self._names():
            raise ApiError(f"The model {name[:80]!r} does not exist", param="model", code="model_not_found", status=404)
        return web.json_response(_described(name))

    async def _transcriptions(self, request: web.Request) -> web.StreamResponse:
        async with self._upload(request) as upload:
            wish = parse_transcription(upload.fields, self._recognizers())
            work = await self._work(wish)
            if wish.stream:
                return await self._streamed(request, upload, wish, work)
            heard = await self._connected(
                request, self._jobs.run(await self._work(wish), upload.path, upload.name, wish)
            )
            return _answer(heard, wish)

    async def _translations(self, request: web.Request) -> web.StreamResponse:
        async with self._upload(request) as upload:
            wish = parse_transcription(upload.fields, self._recognizers(), translation=True)
            work = await self._work(replace(wish, language=""))
            if primary(self._settings.language) != "en":
                work = replace(work, translator=await _had(self._engines.translator()))
            heard = await self._connected(request, self._jobs.run(work, upload.path, upload.name, wish))
            return _answer(heard, wish)

    @asynccontextmanager
    async def _upload(self, request: web.Request) -> AsyncIterator[Upload]:
        await self._check_load(request)
        with self._jobs.admitted():
            async with receive(request, self.limits, self._disk) as upload:
                yield upload

    async def _work(self, wish: TranscriptionRequest) -> RecordingWork:
        """Raises ApiError for a language that is not heard here."""
        settings = self._settings
        if wish.language and primary(wish.language) != primary(settings.language):
            raise ApiError(
                f"this server hears {primary(settings.language)}, not {wish.language!r}",
                param="language",
                code="unsupported_language",
            )
        recognizer = await _had(self._engines.recognizer())
        try:
            check_language(settings.language, recognizer)
        except SettingsError as error:
            raise ApiError(str(error), status=503, code="engine_unavailable") from None
        return RecordingWork(settings, await _had(self._engines.vad()), recognizer, self.limits.recording)

    async def _streamed(
        self, request: web.Request, upload: Upload, wish: TranscriptionRequest, work: RecordingWork
    ) -> web.StreamResponse:
        """What is heard, as it is heard. A recording that cannot be read is refused as without a stream."""
        told: asyncio.Queue[bytes | None] = asyncio.Queue()
        loop, count = asyncio.get_running_loop(), 0

        def on_utterance(words: Any) -> None:
            nonlocal count
            count += 1
            if wish.format != DIARIZED:  # who speaks is known at the end
                loop.call_soon_threadsafe(told.put_nowait, event(delta(words, first=count == 1)))

        async def hear() -> None:
            try:
                heard = await self._jobs.run(work, upload.path, upload.name, wish, on_utterance)
                for segment in heard.segments:
                    told.put_nowait(event(segment))
                told.put_nowait(event({"type": "transcript.text.done", "text": heard.text}))
            finally:
                told.put_nowait(None)

        hearing = asyncio.ensure_future(hear())
        try:
            first = await self._connected(request, told.get())
            if first is None:
                await hearing  # raises what went wrong
            response = _stream("text/event-stream", wish.ignored)
            async with self._sending(request, response):
                piece = first
                while piece is not None:
                    await self._send(response, piece)
                    piece = await self._connected(request, told.get())
                await hearing
            return response
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await hearing

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        await self._check_load(request)
        with self._jobs.admitted():
            wish = parse_speech(await self._json(request), self._synthesizers())
            synthesizer = await _had(self._engines.synthesizer())
            speech = EncodedSpeech(synthesizer, voice_of(wish, self._settings, synthesizer), wish)
            try:
                first = b""
                while not first and not speech.over:
                    first = await self._connected(request, self._steps.run("speak", speech.more))
                response = _stream("text/event-stream" if wish.events else MEDIA_TYPES[wish.format], wish.ignored)
                async with self._sending(request, response):
                    await self._send(response, first)
                    while not speech.over:
                        await self._send(response, await self._steps.run("speak", speech.more))
                return response
            finally:
                speech.close()

    @asynccontextmanager
    async def _sending(self, request: web.Request, response: web.StreamResponse) -> AsyncIterator[None]:
        """Begins and ends the answer. What goes wrong in between breaks the connection, so that nobody takes a part of
        an answer for the whole."""
        await response.prepare(request)
        try:
            yield
            async with asyncio.timeout(self.limits.stalled):
                await response.write_eof()
        except (ConnectionError, TimeoutError):  # the program has gone, or does not read
            _abort(request)
        except Exception as error:
            log.error("%s broke off", request.path, exc_info=error)
            _abort(request)

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        for at in range(0, len(data), _SENT):
            async with asyncio.timeout(self.limits.stalled):
                await response.write(data[at : at + _SENT])

    async def _connected(self, request: web.Request, work: Coroutine[Any, Any, T]) -> T:
        """The result of work, which is cancelled when the program that wants it goes away."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait([task], timeout=_LOOK))[0]:
                if request.transport is None or request.transport.is_closing():
                    raise ConnectionResetError("the program has gone")
            return task.result()
        finally:
            task.cancel()

    async def _check_load(self, request: web.Request) -> None:
        if not self._rate.take(request.remote or ""):
            raise CallError("too many requests: wait a little", "busy", self._rate.wait(request.remote or ""))
        loads = await self._host.load()
        if loads and all(load.draining for load in loads):
            raise CallError("the server is about to stop: try again later", "draining", retry_after=60.0)
        if loads and all("new calls" in load.shed for load in loads):
            raise CallError("the server is too busy with calls: try again soon", "full", retry_after=15.0)

    async def _json(self, request: web.Request) -> Any:
        if request.content_type != "application/json":
            raise ApiError("the body must be application/json", status=415)
        try:
            async with asyncio.timeout(self.limits.upload_time):
                return await request.json()
        except TimeoutError:
            raise ApiError(f"the body did not come within {self.limits.upload_time:g} s", status=408) from None
        except (ValueError, LookupError, RecursionError):
            raise ApiError("the body is not JSON") from None

    def _recognizers(self) -> tuple[str, ...]:
        return (*RECOGNIZERS, _own_name(self._settings.recognizer, "duplex-asr"))

    def _synthesizers(self) -> tuple[str, ...]:
        return (*SYNTHESIZERS, _own_name(self._settings.synthesizer, "duplex-tts"))

    def _names(self) -> tuple[str, ...]:
        return (*self._recognizers(), *self._synthesizers())


async def _had(loading: Coroutine[Any, Any, T]) -> T:
    """What is loaded. Raises ApiError if it cannot be had: that is the server's fault, not the request's."""
    try:
        return await loading
    except DuplexError as error:
        raise ApiError(str(error), status=503, code="engine_unavailable") from error


def _own_name(setting: str, default: str) -> str:
    """What this server calls an engine: by its setting, but never an address or a path."""
    return default if setting == "auto" or "/" in setting or "\\" in setting else setting


def _described(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": 0, "owned_by": "duplex"}


def _answer(heard: Heard, wish: TranscriptionRequest) -> web.Response:
    headers = {IGNORED: ", ".join(wish.ignored)} if wish.ignored else {}
    return web.Response(text=heard.body, content_type=heard.media_type, charset="utf-8", headers=headers)


def _stream(media_type: str, ignored: tuple[str, ...]) -> web.StreamResponse:
    headers = {"Content-Type": media_type, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    return web.StreamResponse(headers={**headers, **({IGNORED: ", ".join(ignored)} if ignored else {})})


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()
