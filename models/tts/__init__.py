"""Words to speech: synthesizers that stream, and say where each word lies in the audio."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from duplex.models.tts.contract import SpeechChunk, Synthesizer, Voice, WordMark
from duplex.models.tts.speech_stream import SpeechStream
from duplex.streaming.errors import ModelError, SettingsError

__all__ = ["ENGINES", "SpeechChunk", "SpeechStream", "Synthesizer", "Voice", "WordMark", "load_synthesizer"]

ENGINES = {"espeak": ("duplex.models.tts.espeak", "EspeakSynthesizer")}
"""Name of each synthesizer, and the module and class that a first use imports."""


def load_synthesizer(name: str = "espeak", **settings: Any) -> Synthesizer:
    """The synthesizer of that name. Raises ModelError for an unknown name or an engine that cannot be had,
    SettingsError for settings it does not have."""
    if name not in ENGINES:
        raise ModelError(f"there is no speech engine {name!r}; there is: {', '.join(sorted(ENGINES))}")
    module, factory = ENGINES[name]
    engine = getattr(import_module(module), factory)
    try:
        return engine(**settings)
    except TypeError:
        raise SettingsError(f"the speech engine {name!r} has no such setting: {', '.join(sorted(settings))}") from None
