"""Speech by Kokoro-82M: more natural than Piper and several times as costly (about as long as it speaks, on one core).

A text is spoken a sentence at a time, a long first sentence from its first clause on; the network makes a piece in one
pass, so an interruption ends the work behind it. Each word's place is known from the network's durations.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from duplex.models.tts.contract import SpeechChunk, Voice, WordMark
from duplex.models.tts.espeak import espeak_voice
from duplex.models.tts.kokoro_model import LONGEST, SAMPLE_RATE, KokoroModel, kokoro_model
from duplex.models.tts.phonemes import pronounce
from duplex.models.tts.piper import cut
from duplex.models.tts.speech_stream import SpeechStream, in_chunks
from duplex.models.tts.word_marks import covering
from duplex.streaming.errors import ModelError

LANGUAGES = {"en": "en-us", "es": "es", "fr": "fr-fr", "hi": "hi", "it": "it", "pt": "pt-br"}
"""Languages whose phonemes the model learned from espeak-ng, and espeak-ng's name of each; it has front ends of its own
for Japanese and Chinese."""

CHUNK = SAMPLE_RATE // 2
LEAD = SAMPLE_RATE // 20
"""Of the silence before a text's first sound (about 0.35 s as the network makes it), what is kept."""

_ENGLISH = {
    "aɪ": "I", "aʊ": "W", "eɪ": "A", "oʊ": "O", "əʊ": "Q", "ɔɪ": "Y", "dʒ": "ʤ", "tʃ": "ʧ",
    "ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚɹ": "əɹ", "ɚ": "əɹ", "ɾ": "T", "ɐ": "ə", "r": "ɹ", "o": "ɔ", "e": "A",
    "n̩": "ᵊn", "l̩": "ᵊl", "ʔ": "t", "x": "k", "ç": "k", "ɬ": "l", "ʲ": "", "ː": "",
}  # fmt: skip
"""espeak-ng's American English in the symbols that the English voices were trained with (misaki's)."""


class KokoroSynthesizer:
    """A `Synthesizer` (models/tts/contract.py); any number of callers and threads.

    voice: FOLDER or a name of the model store, with "#NAME" for one of its voices (else its first). Raises ModelError
    in one line for a folder or a voice that cannot be had.
    """

    name = "kokoro"
    sample_rate = SAMPLE_RATE

    def __init__(self, voice: str) -> None:
        self._place, _, name = voice.partition("#")
        self._model: KokoroModel = kokoro_model(_folder(self._place))
        self._style = self._named(name)

    @property
    def languages(self) -> tuple[str, ...]:
        """Primary tags of the languages that it speaks."""
        return tuple(LANGUAGES)

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """Yields chunks of half a second. Raises ModelError at once for a language it does not speak or a voice it does
        not have, SettingsError for a rate or volume that is no positive number."""
        voice = voice or Voice()
        voice.check()
        language = voice.language.partition("-")[0].lower() or "en"
        if language not in LANGUAGES:
            raise ModelError(f"Kokoro speaks {', '.join(LANGUAGES)} here, not {voice.language}")
        place, _, name = voice.name.partition("#")
        if place not in ("", self._place):
            raise ModelError(f"this engine speaks with {self._place}, not with {place!r}")
        return SpeechStream(self._speak(text, self._named(name) if name else self._style, language, voice))

    def language_of(self, voice: Voice) -> str:
        return voice.language

    def voices(self) -> list[Voice]:
        return [Voice(name=f"{self._place}#{name}", language="en") for name in self._model.styles]

    def close(self) -> None:
        """Ends nothing: the weights serve every other speaker of this process."""

    def _named(self, name: str) -> np.ndarray:
        styles = self._model.styles
        if not name:
            return next(iter(styles.values()))
        if name not in styles:
            raise ModelError(f"{self._place} has no voice {name!r}; it has: {', '.join(styles)}")
        return styles[name]

    def _speak(self, text: str, style: np.ndarray, language: str, voice: Voice) -> Generator[SpeechChunk, None, None]:
        position = 0
        wanted = LANGUAGES[language]
        for start, end, _ in cut(text):
            said = pronounce(text, start, end, espeak_voice(wanted, wanted))
            symbols, words = english(said.symbols, said.words) if language == "en" else (said.symbols, said.words)
            known = [
                (self._model.symbols[symbol], word)
                for symbol, word in zip(symbols, words, strict=True)
                if symbol in self._model.symbols
            ][:LONGEST]
            if all(word < 0 for _, word in known):
                continue
            samples, starts = self._model.speak([number for number, _ in known], style, voice.rate)
            if not position:
                silent = max(0, int(starts[1]) - LEAD)
                samples, starts = samples[silent:], np.maximum(starts - silent, 0)
            samples = voice.sounded(samples)
            marks = _marks([word for _, word in known], starts, said.spans, len(samples), position, (start, end))
            yield from in_chunks(samples, marks, position, CHUNK)
            position += len(samples)


def english(symbols: list[str], words: list[int]) -> tuple[list[str], list[int]]:
    """(symbols, the word of each) of espeak-ng, in the symbols of the English voices."""
    text = "".join(symbols)
    owners = [word for symbol, word in zip(symbols, words, strict=True) for _ in symbol]
    out: list[str] = []
    out_words: list[int] = []
    at = 0
    while at < len(text):
        length = next((size for size in (3, 2, 1) if text[at : at + size] in _ENGLISH), 0)
        written = _ENGLISH[text[at : at + length]] if length else text[at]
        if not (written.startswith("ɹ") and out and out[-1] == "ɹ"):
            out += written
            out_words += [owners[at]] * len(written)
        at += length or 1
    return out, out_words


def is_kokoro_voice(name: str) -> bool:
    """Whether a setting `voice` names one: a folder or a name of the store, with "#NAME" if wished."""
    place = name.partition("#")[0]
    folder = Path(place).expanduser()
    return place.startswith("kokoro") or (bool(place) and folder.is_dir() and any(folder.glob("voices*")))


def _folder(place: str) -> Path:
    if not place:
        raise ModelError("which folder of Kokoro? Give --voice FOLDER#NAME, or a name of `duplex models list`")
    path = Path(place).expanduser()
    if path.is_dir():
        return path
    from duplex.models.store import catalog, fetch

    if place not in catalog():
        raise ModelError(f"{place}: there is no such folder or model")
    return fetch(place)


def _marks(
    words: list[int],
    starts: np.ndarray,
    spans: list[tuple[int, int]],
    samples: int,
    offset: int,
    piece: tuple[int, int],
) -> list[WordMark]:
    """Of the words of a piece that begins at sample `offset`: each from its first symbol to its last one's end."""
    places: dict[int, tuple[int, int]] = {}
    ends = [*starts[2:].tolist(), samples]
    for place, word in enumerate(words):
        if word >= 0:
            begin = places[word][0] if word in places else offset + int(starts[place + 1])
            places[word] = begin, offset + int(ends[place])
    return covering(spans, places, piece)
