"""The front end of every synthesizer: text is normalized before the engine sees it, marks are of what was written."""

from __future__ import annotations

from collections.abc import Iterator

from duplex.models.tts.contract import SpeechChunk, SpeechEngine, Voice
from duplex.models.tts.normalization.spoken_text import normalized, with_original_marks
from duplex.models.tts.speech_stream import SpeechStream


class NormalizingSynthesizer:
    """A `Synthesizer` (models/tts/contract.py) around any engine, and around its spare."""

    def __init__(self, engine: SpeechEngine) -> None:
        self.engine = engine
        self.name = engine.name
        self.sample_rate = engine.sample_rate
        spare = getattr(engine, "spare", None)
        self.spare = None if spare is None else NormalizingSynthesizer(spare)

    @property
    def languages(self) -> tuple[str, ...]:
        """Primary tags of the languages that the engine speaks; empty where it does not say."""
        return tuple(getattr(self.engine, "languages", ()))

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """As the engine's, errors included, for the text as it is read aloud. voice: None is the engine's own."""
        voice = voice or Voice(language=self.languages[0] if len(self.languages) == 1 else Voice.language)
        spoken = normalized(text, self.engine.language_of(voice))
        return SpeechStream(with_original_marks(self.engine.synthesize(spoken.text, voice), spoken))

    def voices(self) -> list[Voice]:
        return self.engine.voices()

    def close(self) -> None:
        self.engine.close()
