"""The routes `/v1/audio/transcriptions`, `/v1/audio/translations`, `/v1/audio/speech` and `/v1/models`.

Programs that speak the OpenAI API use them with the server's token as their key. Each route means the one recognizer
and the one synthesizer of this server, whatever the model is called.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any, TypeVar

from aiohttp import web

from duplex.batch.checks import check_language
from duplex.models.language_tags import primary
from duplex.serving.audio.answers import delta, event
from duplex.serving.audio.encoder import MEDIA_TYPES
from duplex.serving.audio.recordings import Heard, RecordingWork
from duplex.serving.audio.requests import (
    DIARIZED,
    RECOGNIZERS,
    SYNTHESIZERS,
    TranscriptionRequest,
    parse_speech,
    parse_transcription,
)
from duplex.serving.audio.service import AudioService, own_name
from duplex.serving.audio.speech import EncodedSpeech, voice_of
from duplex.serving.audio.upload import Upload, receive
from duplex.serving.disk import DiskThreads
from duplex.serving.http.api_errors import ApiError
from duplex.serving.http.presence import while_there
from duplex.streaming.errors import DuplexError, SettingsError

log = logging.getLogger(__name__)

T = TypeVar("T")

IGNORED = "X-Duplex-Ignored"
"""The header that names fields which have no effect here."""

_FORM = 1 << 20
"""Bytes of a form besides its recording."""
_SENT = 1 << 14


class AudioRoutes:
    """The routes, over a service. Use as an async context manager, around the server that has them."""

    def __init__(self, service: AudioService) -> None:
        self._service = service
        self._settings = service.settings
        self._limits = service.limits
        self._engines = service.engines
        self._jobs = service.jobs
        self.bodies: Mapping[str, int] = dict.fromkeys(
            ("/v1/audio/transcriptions", "/v1/audio/translations"), self._limits.upload + _FORM
        )
        """Bytes of a body, by path, where they are more than elsewhere."""
        self.keys: Mapping[str, Callable[[str], bool]] = {}
        """Of these routes there are none but the server's token."""
        self._disk = DiskThreads()

    async def __aenter__(self) -> AudioRoutes:
        return self

    async def __aexit__(self, *error: Any) -> None:
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
            heard = await while_there(request, self._jobs.run(await self._work(wish), upload.path, upload.name, wish))
            return _answer(heard, wish)

    async def _translations(self, request: web.Request) -> web.StreamResponse:
        async with self._upload(request) as upload:
            wish = parse_transcription(upload.fields, self._recognizers(), translation=True)
            work = await self._work(replace(wish, language=""))
            if primary(self._settings.language) != "en":
                work = replace(work, translator=await _had(self._engines.translator()))
            heard = await while_there(request, self._jobs.run(work, upload.path, upload.name, wish))
            return _answer(heard, wish)

    @asynccontextmanager
    async def _upload(self, request: web.Request) -> AsyncIterator[Upload]:
        async with self._admitted(request), receive(request, self._limits, self._disk) as upload:
            yield upload

    def _admitted(self, request: web.Request) -> AbstractAsyncContextManager[None]:
        return self._service.admitted(request.remote or "")

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
        return RecordingWork(settings, await _had(self._engines.vad()), recognizer, self._limits.recording)

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
            first = await while_there(request, told.get())
            if first is None:
                await hearing  # raises what went wrong
            response = _stream("text/event-stream", wish.ignored)
            async with self._sending(request, response):
                piece = first
                while piece is not None:
                    await self._send(response, piece)
                    piece = await while_there(request, told.get())
                await hearing
            return response
        finally:
            hearing.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await hearing

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        async with self._admitted(request):
            wish = parse_speech(await self._json(request), self._synthesizers())
            synthesizer = await _had(self._engines.synthesizer())
            speech = EncodedSpeech(synthesizer, voice_of(wish, self._settings, synthesizer), wish)
            try:
                first = b""
                while not first and not speech.over:
                    first = await while_there(request, self._service.steps.run("speak", speech.more))
                response = _stream("text/event-stream" if wish.events else MEDIA_TYPES[wish.format], wish.ignored)
                async with self._sending(request, response):
                    await self._send(response, first)
                    while not speech.over:
                        await self._send(response, await self._service.steps.run("speak", speech.more))
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
            async with asyncio.timeout(self._limits.stalled):
                await response.write_eof()
        except (ConnectionError, TimeoutError):  # the program has gone, or does not read
            _abort(request)
        except Exception as error:
            log.error("%s broke off", request.path, exc_info=error)
            _abort(request)

    async def _send(self, response: web.StreamResponse, data: bytes) -> None:
        for at in range(0, len(data), _SENT):
            async with asyncio.timeout(self._limits.stalled):
                await response.write(data[at : at + _SENT])

    async def _json(self, request: web.Request) -> Any:
        if request.content_type != "application/json":
            raise ApiError("the body must be application/json", status=415)
        try:
            async with asyncio.timeout(self._limits.upload_time):
                return await request.json()
        except TimeoutError:
            raise ApiError(f"the body did not come within {self._limits.upload_time:g} s", status=408) from None
        except (ValueError, LookupError, RecursionError):
            raise ApiError("the body is not JSON") from None

    def _recognizers(self) -> tuple[str, ...]:
        return (*RECOGNIZERS, own_name(self._settings.recognizer, "duplex-asr"))

    def _synthesizers(self) -> tuple[str, ...]:
        return (*SYNTHESIZERS, own_name(self._settings.synthesizer, "duplex-tts"))

    def _names(self) -> tuple[str, ...]:
        return (*self._recognizers(), *self._synthesizers())


async def _had(loading: Coroutine[Any, Any, T]) -> T:
    """What is loaded. Raises ApiError if it cannot be had: that is the server's fault, not the request's."""
    try:
        return await loading
    except DuplexError as error:
        raise ApiError(str(error), status=503, code="engine_unavailable") from error


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
