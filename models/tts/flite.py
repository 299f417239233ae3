"""Speech by flite, where the system has it: clearer than espeak-ng, English only (Black and Lenzo 2001, "Flite: a small
fast run-time synthesis engine").

A text is spoken a sentence at a time, a long first sentence from its first clause on; an utterance is made as a whole,
in about a twentieth of its duration, so an interruption ends the work behind it.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Generator, Iterator

from duplex.models.tts.contract import SpeechChunk, Voice
from duplex.models.tts.flite_library import SAMPLE_RATE, VOICES, library
from duplex.models.tts.phonemes import word_spans
from duplex.models.tts.piper import cut
from duplex.models.tts.speech_stream import SpeechStream, in_chunks
from duplex.models.tts.word_marks import covering
from duplex.streaming.errors import ModelError

CHUNK = SAMPLE_RATE // 4
LEAD = SAMPLE_RATE // 20
"""Of the silence before a text's first sound (0.16 s as flite makes it), what is kept."""
SLOWEST, FASTEST = 0.3, 3.0

_PLAIN = {"’": "'", "‘": "'", "“": '"', "”": '"', "…": ".", "–": "-", "—": ",", "ß": "s", "ø": "o", "ł": "l", "đ": "d"}


class FliteSynthesizer:
    """A `Synthesizer` (models/tts/contract.py); any number of callers and threads, who take turns piece by piece.

    Raises ModelError where the system has no flite.
    """

    name = "flite"
    sample_rate = SAMPLE_RATE
    languages = ("en",)

    def __init__(self) -> None:
        self._library = library()
        self._library.voice(VOICES[0])

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """Yields chunks of a quarter of a second. Raises ModelError at once for an unknown voice or another language
        than English, SettingsError for a rate or volume that is no positive number."""
        voice = voice or Voice()
        voice.check()
        if voice.language and voice.language.partition("-")[0].lower() != "en":
            raise ModelError(f"flite speaks English, not {voice.language}; choose another engine")
        if voice.name and voice.name not in VOICES:
            raise ModelError(f"flite has no voice {voice.name!r}; it has: {', '.join(VOICES)}")
        return SpeechStream(self._speak(text, self._library.voice(voice.name or VOICES[0]), voice))

    def language_of(self, voice: Voice) -> str:
        return self.languages[0]

    def voices(self) -> list[Voice]:
        return [Voice(name=name, language="en") for name in VOICES]

    def close(self) -> None:
        """Ends nothing: the library serves every other speaker of this process."""

    def _speak(self, text: str, speaker: int, voice: Voice) -> Generator[SpeechChunk, None, None]:
        position = 0
        rate = min(max(voice.rate, SLOWEST), FASTEST)
        for start, end, _ in cut(text):
            plain = in_ascii(text[start:end])
            if not any(sign.isalnum() for sign in plain):
                continue
            samples, tokens = self._library.speak(plain.encode("ascii"), speaker, rate)
            silent = max(0, round(tokens[0][1] * SAMPLE_RATE) - LEAD) if tokens and not position else 0
            samples = voice.sounded(samples[silent:])
            spans = word_spans(text, start, end)
            places: dict[int, tuple[int, int]] = {}
            for last, begin, until in tokens:
                word = max((n for n, span in enumerate(spans) if span[0] <= start + last), default=0)
                sound = [position + round(second * SAMPLE_RATE) - silent for second in (begin, until)]
                places[word] = places[word][0] if word in places else sound[0], sound[1]
            marks = covering(spans, places, (start, end))
            yield from in_chunks(samples, marks, position, CHUNK)
            position += len(samples)


def in_ascii(text: str) -> str:
    """The text, as long as it was, in the letters and signs that flite knows."""
    return "".join(_plain(sign) for sign in text)


def _plain(sign: str) -> str:
    if sign.isascii():
        return sign if sign.isprintable() else " "
    base = _PLAIN.get(sign) or unicodedata.normalize("NFKD", sign)[0]
    return base if base.isascii() and base.isprintable() else " "
