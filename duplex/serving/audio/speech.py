"""A text that a program sent, spoken by one of the server's voices and encoded as it is made."""

from __future__ import annotations

import base64
from dataclasses import replace
from functools import partial
from typing import Any

from duplex.models.tts.contract import Synthesizer, Voice
from duplex.serving.audio.answers import event
from duplex.serving.audio.encoder import SpeechEncoder
from duplex.serving.audio.requests import VOICES, SpeechRequest
from duplex.serving.http.api_errors import ApiError
from duplex.settings import Settings
from duplex.streaming.errors import ModelError, SettingsError


class EncodedSpeech:
    """A text being spoken and encoded; `more` is a step of the pool."""

    def __init__(self, synthesizer: Synthesizer, voice: Voice, wish: SpeechRequest) -> None:
        self.over = False
        self._wish = wish
        self._start = partial(synthesizer.synthesize, wish.text, voice)
        self._rate = synthesizer.sample_rate
        self._chunks: Any = None
        self._encoder: SpeechEncoder | None = None

    def more(self) -> bytes:
        """What is to be sent next, often nothing yet. Raises ApiError for a voice that is unknown after all."""
        if self._chunks is None:
            try:
                self._chunks = self._start()
            except (ModelError, SettingsError) as error:
                raise ApiError(str(error), param="voice") from None
            self._encoder = SpeechEncoder(self._wish.format, self._rate)
        assert self._encoder is not None
        chunk = next(self._chunks, None)
        self.over = chunk is None
        data = self._encoder.finish() if chunk is None else self._encoder.push(chunk.samples)
        if not self._wish.events:
            return data
        told = event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}) if data else b""
        return told + event({"type": "speech.audio.done"}) if self.over else told

    def close(self) -> None:
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def voice_of(wish: SpeechRequest, settings: Settings, synthesizer: Synthesizer) -> Voice:
    """The server's own voice for those of the API, else one that the synthesizer lists. Raises ApiError."""
    rate = settings.speech_rate * wish.speed
    if wish.voice.lower() in VOICES or wish.voice == settings.voice:
        return Voice(settings.voice, settings.language, rate, settings.speech_volume)
    found = next((each for each in synthesizer.voices() if each.name == wish.voice), None)
    if found is None:
        raise ApiError(
            f"there is no voice {wish.voice[:80]!r}: `duplex doctor --voices` lists those of this server",
            param="voice",
            code="voice_not_found",
        )
    return replace(found, rate=rate, volume=settings.speech_volume)
