"""A transcript or a translation in each form that the API has."""

from __future__ import annotations

import json
import math
import string
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from duplex.batch.transcribe import Transcript, Word
from duplex.batch.translate import TranslatedLines
from duplex.models.language_tags import primary
from duplex.serving.audio.requests import DIARIZED, TranscriptionRequest
from duplex.session_record.subtitles import Caption, to_srt, to_vtt

Result = Transcript | TranslatedLines

_LANGUAGES = {
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "it": "italian",
    "ja": "japanese",
    "nl": "dutch",
    "pl": "polish",
    "pt": "portuguese",
    "ru": "russian",
    "uk": "ukrainian",
    "zh": "chinese",
}
"""As the API writes them; of others the tag."""


def render(result: Result, request: TranscriptionRequest, duration: float, language: str) -> tuple[str, str]:
    """(media type, text) of an answer. duration: of the recording, in seconds. language: that of the text, a tag."""
    if request.format in _TEXTS:
        return "text/plain", _TEXTS[request.format](result)
    usage = {"type": "duration", "seconds": math.ceil(duration)}
    if request.format == "json":
        return _json({"text": result.text, "usage": usage})
    task = "transcribe" if isinstance(result, Transcript) else "translate"
    told: dict[str, Any] = {"task": task, "duration": round(duration, 3), "text": result.text}
    if request.format == DIARIZED and isinstance(result, Transcript):
        return _json({**told, "segments": diarized(result), "usage": usage})
    told["language"] = _LANGUAGES.get(primary(language), primary(language))
    if request.segments:
        told["segments"] = [_segment(number, each, result) for number, each in enumerate(result.captions())]
    if request.words and isinstance(result, Transcript):
        told["words"] = [{"word": w.text, "start": round(w.start, 3), "end": round(w.end, 3)} for w in result]
    return _json({**told, "usage": usage})


def diarized(transcript: Transcript) -> list[dict[str, Any]]:
    """What each speaker said, in order of time. Speakers are A, B, C, … in order of appearance."""
    captions = transcript.captions()
    names = dict(zip(dict.fromkeys(each.party for each in captions), string.ascii_uppercase, strict=False))
    return [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number:03d}",
            "start": round(caption.start, 3),
            "end": round(caption.end, 3),
            "text": caption.text,
            "speaker": names.get(caption.party, caption.party),
        }
        for number, caption in enumerate(captions, 1)
    ]


def delta(words: Sequence[Word], *, first: bool) -> dict[str, Any]:
    """An utterance of a transcript that is streamed: all of them together are its text."""
    return {"type": "transcript.text.delta", "delta": ("" if first else " ") + " ".join(word.text for word in words)}


def event(told: Mapping[str, Any]) -> bytes:
    """A server-sent event."""
    return f"data: {json.dumps(told, ensure_ascii=False)}\n\n".encode("utf-8", "replace")


def _segment(number: int, caption: Caption, result: Result) -> dict[str, Any]:
    """A caption with the figures of Whisper, as far as there are such here: no tokens, and speech was detected."""
    sure = 1.0
    if isinstance(result, Transcript):
        inside = [w.confidence for w in result if caption.start <= w.start < caption.end]
        sure = math.exp(sum(math.log(max(each, 1e-6)) for each in inside) / len(inside)) if inside else 1.0
    content = caption.text.encode("utf-8", "replace")
    return {
        "id": number,
        "seek": 0,
        "start": round(caption.start, 3),
        "end": round(caption.end, 3),
        "text": caption.text,
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": round(math.log(sure), 4),
        "compression_ratio": round(len(content) / len(zlib.compress(content)), 3),
        "no_speech_prob": 0.0,
    }


def _unnamed(result: Result) -> list[Caption]:
    """Captions without the names of speakers, which programs do not expect."""
    return [replace(caption, party="") for caption in result.captions()]


_TEXTS: dict[str, Callable[[Result], str]] = {
    "text": lambda result: result.text + "\n",
    "srt": lambda result: to_srt(_unnamed(result)),
    "vtt": lambda result: to_vtt(_unnamed(result)),
}


def _json(told: Mapping[str, Any]) -> tuple[str, str]:
    return "application/json", json.dumps(told, ensure_ascii=False)
