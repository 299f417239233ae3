"""What a program may ask of the audio routes, read from fields that anybody may have written."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from duplex.serving.audio.encoder import MEDIA_TYPES
from duplex.serving.http.api_errors import ApiError

LONGEST_INPUT = 4096
"""Characters of a text to speak, as the API has it."""

RECOGNIZERS = (
    "whisper-1",
    "gpt-transcribe",
    "gpt-4o-transcribe",
    "gpt-4o-mini-transcribe",
    "gpt-4o-transcribe-diarize",
)
SYNTHESIZERS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""Names that programs ask for. Each means the one recognizer or synthesizer of this server."""

VOICES = frozenset(
    ["alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse"],
)
"""Voices of the API, which programs name; they speak with the server's own voice."""

DIARIZED = "diarized_json"
FORMATS = ("json", "text", "srt", "verbose_json", "vtt", DIARIZED)
_STREAMED = ("json", "text", DIARIZED)
_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_REFUSED = ("include", "known_speaker_names", "known_speaker_references")
"""Fields that would change the answer's form or content, and that are not supported."""

Fields = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class TranscriptionRequest:
    """How a recording is to be answered. words, segments: times that are wanted in `verbose_json`.

    ignored: fields that have no effect here; an answer's header names them.
    """

    format: str = "json"
    stream: bool = False
    language: str = ""
    words: bool = False
    segments: bool = True
    ignored: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """voice: empty for the server's own. events: the sound comes in server-sent events."""

    text: str
    voice: str
    format: str
    speed: float
    events: bool
    ignored: tuple[str, ...] = ()


def check_model(name: object, known: Sequence[str]) -> None:
    """Raises ApiError for a model that is not among `known`, with or without a date at its end."""
    if not isinstance(name, str) or not name:
        raise ApiError("you must provide a model parameter", param="model")
    if name not in known and _DATED.sub("", name) not in known:
        raise ApiError(
            f"The model {name[:80]!r} does not exist; there is: {', '.join(known)}",
            param="model",
            code="model_not_found",
            status=404,
        )


def parse_transcription(fields: Fields, models: Sequence[str], *, translation: bool = False) -> TranscriptionRequest:
    """The fields of a form, besides the file. Names of lists may end in "[]". Raises ApiError."""
    given = {name.removesuffix("[]"): list(values) for name, values in fields.items()}
    check_model(_last(given, "model"), models)
    for name in _REFUSED:
        if any(given.get(name, ())):
            raise ApiError(f"{name} is not supported by this server", param=name, code="unsupported_parameter")
    formats = tuple(name for name in FORMATS if not (translation and name == DIARIZED))
    format = _choice(given, "response_format", formats, "json")
    stream = not translation and _choice(given, "stream", ("true", "false", "1", "0"), "false") in ("true", "1")
    if stream and format not in _STREAMED:
        raise ApiError(f"a stream has no {format}: ask for {', '.join(_STREAMED)}", param="response_format")
    times = given.get("timestamp_granularities", []) or ["segment"]
    for each in times:
        if each not in ("word", "segment"):
            raise ApiError("timestamp_granularities are word and segment", param="timestamp_granularities")
    language = _last(given, "language")
    if len(language) > 20:
        raise ApiError("language is not a tag such as en", param="language")
    used = {"model", "response_format", "stream", "timestamp_granularities", "language"}
    plain = {"temperature": ("", "0", "0.0"), "chunking_strategy": ("", "auto")}
    ignored = [name for name in given if name not in used and _last(given, name) not in plain.get(name, ("",))]
    return TranscriptionRequest(
        format, stream, language, "word" in times, "segment" in times, tuple(sorted(map(_header_name, ignored)))
    )


def parse_speech(body: object, models: Sequence[str]) -> SpeechRequest:
    """{"model", "input", "voice", "response_format", "speed", "stream_format", "instructions"}. Raises ApiError."""
    if not isinstance(body, dict):
        raise ApiError("the body must be a JSON object")
    check_model(body.get("model"), models)
    text = body.get("input")
    if not isinstance(text, str) or not any(sign.isalnum() for sign in text):
        raise ApiError("input must be a text in which something can be spoken", param="input")
    if len(text) > LONGEST_INPUT:
        raise ApiError(
            f"input has {len(text)} characters; at most {LONGEST_INPUT} are spoken at once",
            param="input",
            code="string_above_max_length",
        )
    voice = body.get("voice")
    voice = voice.get("id") if isinstance(voice, dict) else voice
    if not isinstance(voice, str) or not voice:
        raise ApiError("voice must be a name, such as alloy", param="voice")
    format = _member(body, "response_format", tuple(MEDIA_TYPES), "mp3")
    events = _member(body, "stream_format", ("audio", "sse"), "audio") == "sse"
    speed = body.get("speed", 1.0)
    number = isinstance(speed, int | float) and not isinstance(speed, bool) and math.isfinite(speed)
    if not number or not 0.25 <= speed <= 4.0:
        raise ApiError("speed must lie between 0.25 and 4.0", param="speed")
    used = {"model", "input", "voice", "response_format", "stream_format", "speed"}
    ignored = [name for name, value in body.items() if name not in used and value not in (None, "")]
    return SpeechRequest(text, voice, format, float(speed), events, tuple(sorted(map(_header_name, ignored))))


def _last(fields: Mapping[str, Sequence[str]], name: str) -> str:
    values = fields.get(name) or [""]
    return values[-1].strip()


def _choice(fields: Mapping[str, Sequence[str]], name: str, choices: Sequence[str], default: str) -> str:
    return _member({name: _last(fields, name).lower() or default}, name, choices, default)


def _member(body: Mapping[str, Any], name: str, choices: Sequence[str], default: str) -> str:
    value = body.get(name)
    if value is None:
        return default
    if value not in choices:
        raise ApiError(f"{name} must be one of {', '.join(choices)}", param=name)
    return str(value)


def _header_name(name: str) -> str:
    """Fit for a header."""
    return "".join(sign for sign in str(name)[:40] if sign.isascii() and (sign.isalnum() or sign in "_-"))
