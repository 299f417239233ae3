"""Words to speech: synthesizers that stream, and say where each word lies in the audio."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from duplex.models.tts.contract import SpeechChunk, SpeechEngine, Synthesizer, Voice, WordMark
from duplex.models.tts.speech_stream import SpeechStream
from duplex.streaming.errors import ModelError, SettingsError

__all__ = [
    "AUTO",
    "ENGINES",
    "SpeechChunk",
    "SpeechStream",
    "Synthesizer",
    "Voice",
    "WordMark",
    "is_server",
    "load_synthesizer",
]

ENGINES = {
    "espeak": ("duplex.models.tts.espeak", "EspeakSynthesizer"),
    "flite": ("duplex.models.tts.flite", "FliteSynthesizer"),
    "kokoro": ("duplex.models.tts.kokoro", "KokoroSynthesizer"),
    "piper": ("duplex.models.tts.piper", "PiperSynthesizer"),
}
"""Name of each synthesizer, and the module and class that a first use imports."""

AUTO = "auto"
"""Piper or Kokoro for a voice that is theirs, else espeak."""


def is_server(name: str) -> bool:
    """Whether a speech engine is named by the address of a server."""
    return name.startswith(("http://", "https://"))


def load_synthesizer(name: str = AUTO, voice: str = "", model: str = "", **settings: Any) -> Synthesizer:
    """The synthesizer of that name, or the server at that address, behind the normalization of text. voice: the one
    that it will be asked for first, which decides about the weights; model: what a server is asked for.

    Raises ModelError for an unknown name, or an engine or a voice that cannot be had, SettingsError for settings it
    does not have."""
    from duplex.models.tts.normalization import NormalizingSynthesizer

    return NormalizingSynthesizer(_engine(name, voice, model, settings))


def _engine(name: str, voice: str, model: str, settings: dict[str, Any]) -> SpeechEngine:
    if is_server(name):
        from duplex.models.tts.speech_server import open_server

        return open_server(name, model)
    if name == AUTO:
        from duplex.models.tts.kokoro import is_kokoro_voice
        from duplex.models.tts.piper import is_piper_voice

        name = "piper" if is_piper_voice(voice) else "kokoro" if is_kokoro_voice(voice) else "espeak"
    if name not in ENGINES:
        raise ModelError(f"there is no speech engine {name!r}; there is: {', '.join((AUTO, *sorted(ENGINES)))}")
    module, factory = ENGINES[name]
    engine = getattr(import_module(module), factory)
    if name in ("kokoro", "piper"):
        settings["voice"] = voice
    try:
        made: SpeechEngine = engine(**settings)
    except TypeError:
        raise SettingsError(f"the speech engine {name!r} has no such setting: {', '.join(sorted(settings))}") from None
    return made
