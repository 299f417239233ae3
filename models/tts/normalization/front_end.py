"""The front end of every synthesizer: text is normalized before the engine sees it, marks are of what was written."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import replace

from duplex.models.tts.contract import SpeechChunk, SpeechEngine, Voice
from duplex.models.tts.normalization.spoken_text import SpokenText, normalized, with_original_marks
from duplex.models.tts.speech_stream import SpeechStream

PART = 1000
"""Characters after which a long text is cut at the next end of a sentence: a book is spoken as soon as a page, and no
server is asked for more than it takes at once (4096)."""

_END = re.compile(r"(?<=[.!?…])[\"'”’»)\]]*\s+|[。！？]+|\n")
_SPACE = re.compile(r"\s")


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

    def language_of(self, voice: Voice) -> str:
        """As the engine's."""
        return self.engine.language_of(voice)

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """As the engine's, errors included, for the text as it is read aloud. voice: None is the engine's own."""
        voice = voice or Voice(language=self.languages[0] if len(self.languages) == 1 else Voice.language)
        language = self.engine.language_of(voice)
        parts = (normalized(part, language) for part in cut(text))
        first = next(parts)
        return SpeechStream(self._speak(first, self.engine.synthesize(first.text, voice), parts, voice))

    def voices(self) -> list[Voice]:
        return self.engine.voices()

    def close(self) -> None:
        self.engine.close()

    def _speak(
        self, part: SpokenText | None, speech: Iterator[SpeechChunk], parts: Iterator[SpokenText], voice: Voice
    ) -> Generator[SpeechChunk, None, None]:
        """The speech of the first part, then of the others, with marks that count from the first's beginning."""
        characters = samples = 0
        while part is not None:
            made = 0
            with closing(with_original_marks(speech, part)) as chunks:
                for chunk in chunks:
                    marks = (
                        replace(
                            mark,
                            text_start=mark.text_start + characters,
                            text_end=mark.text_end + characters,
                            start=mark.start + samples,
                            end=mark.end + samples,
                        )
                        for mark in chunk.marks
                    )
                    yield SpeechChunk(chunk.samples, tuple(marks)) if characters else chunk
                    made += len(chunk.samples)
            characters, samples = characters + len(part.written), samples + made
            part = next(parts, None)
            if part is not None:
                speech = self.engine.synthesize(part.text, voice)


def cut(text: str) -> Iterator[str]:
    """The text in parts of PART to twice as many characters, with the white space behind them; at least one."""
    start = 0
    while len(text) - start > 2 * PART:
        least, most = start + PART, start + 2 * PART
        found = _END.search(text, least, most) or _SPACE.search(text, least, most)
        end = found.end() if found else most
        yield text[start:end]
        start = end
    yield text[start:]
