"""A recording that was sent, to text: what the transcription and the translation routes do in a job's thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duplex.audio_files.reader import open_recording
from duplex.batch.transcribe import Transcript, Word, open_voices, transcribe_source
from duplex.batch.translate import translate_transcript
from duplex.models.asr.contract import Recognizer
from duplex.models.language_tags import primary
from duplex.models.translation import Translation, Translator
from duplex.models.vad.contract import VoiceActivityDetector
from duplex.serving.audio.answers import Result, diarized, render
from duplex.serving.audio.jobs import ENGLISH, PoolBridge
from duplex.serving.audio.requests import DIARIZED, TranscriptionRequest
from duplex.serving.http.api_errors import ApiError
from duplex.settings import Settings
from duplex.streaming.errors import InputError, StageError


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as (media type, text), and what a stream tells at its end."""

    media_type: str
    body: str
    text: str
    segments: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class RecordingWork:
    """What hears recordings. longest: seconds of one. translator: into English; None where that is not asked for, or
    English is spoken."""

    settings: Settings
    vad: VoiceActivityDetector[Any]
    recognizer: Recognizer[Any]
    longest: float
    translator: Translator | None = None

    def __call__(
        self,
        bridge: PoolBridge,
        path: Path,
        name: str,
        request: TranscriptionRequest,
        on_utterance: Callable[[list[Word]], None] | None = None,
    ) -> Heard:
        """Blocking. name: what errors call the recording. Raises ApiError."""
        try:
            transcript, seconds = self._transcript(bridge, path, request, on_utterance)
        except InputError as error:
            raise ApiError(str(error).replace(str(path), name), param="file") from None
        except StageError as error:
            raise ApiError(str(error).replace(str(path), name), status=500, code="engine_failed") from None
        result: Result = transcript
        language = self.settings.language
        if self.translator is not None:
            spoken = primary(language)
            result, language = (
                translate_transcript(transcript, _Pooled(self.translator, bridge), spoken, ENGLISH),
                ENGLISH,
            )
        segments = diarized(transcript) if request.format == DIARIZED else []
        media_type, body = render(result, request, seconds, language)
        return Heard(media_type, body, result.text, segments)

    def _transcript(
        self,
        bridge: PoolBridge,
        path: Path,
        request: TranscriptionRequest,
        on_utterance: Callable[[list[Word]], None] | None,
    ) -> tuple[Transcript, float]:
        apart = request.format == DIARIZED
        source = open_recording(path, "auto" if apart else "mix")
        self._check_length(source.duration or 0.0)
        seconds = 0.0

        def progress(now: float, _: float | None) -> None:
            nonlocal seconds
            seconds = now
            bridge.check()
            self._check_length(now)

        voices = open_voices(source, self.settings.max_speakers, None, {}, self.settings.diarizer) if apart else None
        transcript = transcribe_source(
            source,
            self.settings,
            self.vad,
            self.recognizer,
            voices,
            steps=bridge,
            on_progress=progress,
            on_utterance=on_utterance,
        )
        return transcript, seconds

    def _check_length(self, seconds: float) -> None:
        if seconds > self.longest:
            raise ApiError(f"the recording is longer than {self.longest:g} s", param="file")


class _Pooled:
    """A translator whose work is done by the pool."""

    def __init__(self, translator: Translator, bridge: PoolBridge) -> None:
        self.name = translator.name
        self.pairs = translator.pairs
        self._translator = translator
        self._bridge = bridge

    def translate(
        self, text: str, source: str, target: str, partial: bool = False, begin: str = "", draft: str = ""
    ) -> Translation:
        return self._bridge.wait("translate", self._translator.translate, text, source, target, partial, begin, draft)
