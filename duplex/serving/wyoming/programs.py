"""What this server says of itself to Wyoming's `describe`: what it hears, and the voices it speaks with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import PurePath
from typing import Any

from wyoming.info import AsrModel, AsrProgram, Attribution, Info, TtsProgram, TtsVoice

from duplex import __version__
from duplex.models.language_tags import primary
from duplex.models.tts.contract import Synthesizer, Voice
from duplex.serving.audio.service import own_name
from duplex.serving.wyoming.wire import WyomingError
from duplex.settings import Settings

_MAKER = Attribution(name="Duplex", url="")
_NAME = "duplex"


class Programs:
    """One recognizer and one synthesizer, as Wyoming's programs of the name "duplex"."""

    def __init__(self, settings: Settings, synthesizer: Synthesizer) -> None:
        self.language = primary(settings.language)
        """What is heard; other languages are refused."""
        self._own = Voice(settings.voice, settings.language, settings.speech_rate, settings.speech_volume)
        self._recognizer = own_name(settings.recognizer, "duplex-asr")
        own = {_shown(settings.voice) or own_name(settings.synthesizer, "duplex-tts"): self._own}
        listed = [replace(each, rate=self._own.rate, volume=self._own.volume) for each in synthesizer.voices()]
        self._voices = own | {_shown(each.name): each for each in listed if each.name != settings.voice}

    def voice(self, name: str, language: str) -> Voice:
        """The server's own voice where both are empty. Raises WyomingError for a voice or a language without one."""
        if name:
            if name not in self._voices:
                raise WyomingError(f"there is no voice {name[:80]!r}", "unknown-voice")
            return self._voices[name]
        if not language or primary(language) == primary(self._own.language):
            return self._own
        found = [each for each in self._voices.values() if primary(each.language) == primary(language)]
        if not found:
            raise WyomingError(f"there is no voice for {language[:80]!r}", "unknown-voice")
        return next((each for each in found if each.language.lower() == language.lower()), found[0])

    def info(self) -> Info:
        about: dict[str, Any] = {"attribution": _MAKER, "installed": True, "version": __version__}
        recognizer = AsrModel(name=self._recognizer, description=None, languages=[self.language], **about)
        voices = [
            TtsVoice(name=name, description=name, languages=[voice.language], **about)
            for name, voice in self._voices.items()
        ]
        return Info(
            asr=[
                AsrProgram(
                    name=_NAME,
                    description="Speech to text, word by word",
                    models=[recognizer],
                    supports_transcript_streaming=True,
                    prefers_auto_gain_enabled=False,  # quiet speech is raised here
                    **about,
                )
            ],
            tts=[
                TtsProgram(
                    name=_NAME,
                    description="Text to speech, as the text is written",
                    voices=voices,
                    supports_synthesize_streaming=True,
                    **about,
                )
            ],
        )


def _shown(name: str) -> str:
    """A voice's name without the folder that it may lie in."""
    return PurePath(name).name
