"""Speech by espeak-ng, in this process: over a hundred languages, the first sound within a millisecond, no network.

espeak-ng is a formant synthesizer: clearly artificial, but quick, small, and exact about where each word lies.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Generator, Iterable, Iterator
from functools import lru_cache

import numpy as np

from duplex.models.tts.contract import SpeechChunk, Voice
from duplex.models.tts.espeak_library import END, STEADY, WORD, EspeakLibrary, ListedVoice, Piece, library
from duplex.models.tts.speech_stream import SpeechStream
from duplex.models.tts.word_marks import WordMarker
from duplex.streaming.errors import ModelError

NORMAL_RATE = 175
"""Words a minute at Voice.rate 1.0."""

SLOWEST, FASTEST = 80, 449
"""What espeak-ng can do; at 450 it changes to another way of speeding up, which is slower than 449."""

PIECE = 200
"""Characters after which a long text is cut at the next end of a sentence, so that speakers take turns."""

TIMBRES = {"en": "rob"}
"""Variants that a voice has where none is named, by language: the ones that were understood best (CARD.md)."""

_ALIASES = {"zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "zh-hk": "yue", "no": "nb", "iw": "he", "in": "id"}
_SYMBOLS = frozenset("°℃℉№±×÷¬−≈≠≤≥√∞<=>+|~\n\t\u00ad\u200c\u200d")
_PICTOGRAPHS = frozenset("\u203c\u2049\u2139\u3030\u20e3\ufe0e\ufe0f")  # letters and marks only by category
_LEADING_HYPHEN = re.compile(r"(?<!\w)-(?=[^\W\d])")  # takes the Vietnamese voice down, and is silent in others
_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？]+|\n")
_CLAUSE_END = re.compile(r"[,;:]\s+|[，、；：]")


class EspeakSynthesizer:
    """A `Synthesizer` (models/tts/contract.py). All instances share one library; each may be used from any thread.

    The same text and voice give the same samples and marks every time (of a few variants, the same length and starts).
    A text that ends in white space is taken to go on: a sentence at its end is followed by a pause.
    """

    name = "espeak"

    def __init__(self) -> None:
        self._library = library()
        self.sample_rate = self._library.sample_rate

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """Yields chunks of about 60 ms. Raises ModelError at once for an unknown voice, SettingsError for a rate or
        volume that is no positive number. Rates beyond what espeak-ng can do (0.46 to 2.56) are brought within."""
        voice = voice or Voice()
        voice.check()
        name = espeak_voice(voice.name, voice.language)
        return SpeechStream(self._speak(text, name, voice))

    def language_of(self, voice: Voice) -> str:
        """Tag of the language of that voice, whatever language was asked for beside its name."""
        identifier = espeak_voice(voice.name, voice.language).rpartition("+")[0]
        return next(entry.languages[0] for entry in self._library.listed if entry.identifier == identifier)

    def voices(self) -> list[Voice]:
        """Every voice, by language. A name may be followed by "+" and one of the `variants`, as in "en-us+f3"."""
        listed = sorted(self._library.listed, key=lambda entry: (entry.languages[0], entry.name))
        return [Voice(name=entry.name, language=entry.languages[0]) for entry in listed]

    @property
    def languages(self) -> tuple[str, ...]:
        """Primary tags of the languages that it speaks."""
        tags = {tag.partition("-")[0].lower() for entry in self._library.listed for tag in entry.languages}
        return tuple(sorted(tags | set(_ALIASES)))

    @property
    def variants(self) -> tuple[str, ...]:
        """Timbres that any voice can take on: "f1" to "f5" female, "m1" to "m8" male, "whisper", ...; "steady" is the
        voice as it is."""
        return self._library.variants

    def close(self) -> None:
        """Ends nothing: the library serves every other speaker of this process."""

    def _speak(self, text: str, espeak_name: str, voice: Voice) -> Generator[SpeechChunk, None, None]:
        words_per_minute = round(min(max(NORMAL_RATE * voice.rate, SLOWEST), FASTEST))
        clean = speakable_only(text)
        pieces = [(start, end) for start, end in cut(text) if not clean[start:end].isspace()]
        position = 0
        for number, (start, end) in enumerate(pieces):
            goes_on = number < len(pieces) - 1 or text[-1].isspace()
            piece = Piece(clean[start:end], espeak_name, words_per_minute, pause=goes_on)
            marker = WordMarker(text, start, end, position)
            held: SpeechChunk | None = None
            for buffer in self._library.speak(piece):
                samples = np.frombuffer(buffer.pcm, np.int16).astype(np.float32) / 32768.0
                words = [(character, sample) for kind, character, sample in buffer.events if kind == WORD]
                clauses = [sample for kind, _, sample in buffer.events if kind == END]
                marks = marker.feed(position, samples, words, clauses)
                position += len(samples)
                if held is not None:
                    yield held
                held = SpeechChunk(voice.sounded(samples), tuple(marks))
            if held is not None:
                last = {mark.text_start: mark for mark in (*held.marks, *marker.finish())}
                yield SpeechChunk(held.samples, tuple(last.values()))


def speakable_only(text: str) -> str:
    """The text, as long as it was, with a space for all that the library must not be given."""
    return _LEADING_HYPHEN.sub(" ", "".join(letter if _speakable(letter) else " " for letter in text))


@lru_cache(maxsize=4096)
def _speakable(character: str) -> bool:
    """Letters, digits, punctuation, currency, common mathematics. espeak-ng takes control characters and the private
    use area for commands, and the words it has for pictographs overrun its buffers: it would take the process down."""
    kind = unicodedata.category(character)
    if kind[0] in "LMNPZ" or kind == "Sc":
        return character not in _PICTOGRAPHS
    return character in _SYMBOLS


def cut(text: str) -> Iterator[tuple[int, int]]:
    """Cuts a text into pieces (start, end) of about PIECE characters, at ends of sentences if there are any, else of
    clauses, else of words. White space around the text is left out; an empty text has no pieces."""
    start, end = len(text) - len(text.lstrip()), len(text.rstrip())
    while end - start > PIECE:
        at = _first_end(_SENTENCE_END, text, start + PIECE // 2, start + 2 * PIECE)
        at = at or _first_end(_CLAUSE_END, text, start + PIECE, start + 2 * PIECE)
        at = at or _first_end(re.compile(r"\s+"), text, start + PIECE, start + 2 * PIECE)
        at = at or start + 2 * PIECE
        while at < end and text[at].isspace():
            at += 1
        if at >= end:
            break
        yield start, at
        start = at
    if start < end:
        yield start, end


def _first_end(boundary: re.Pattern[str], text: str, after: int, before: int) -> int | None:
    match = boundary.search(text, after, before)
    return match.end() if match else None


@lru_cache(maxsize=256)
def espeak_voice(name: str, language: str) -> str:
    """The library's own name for a voice. `name`: English name, file or language tag, with "+variant" if wished; a
    variant alone, or no name at all, goes with the voice of the `language`. Without a variant it is the one of TIMBRES.
    Raises ModelError naming near ones."""
    source = library()
    base, plus, variant = name.strip().partition("+")
    if base:
        found = _named(source, base)
        if found is None:
            raise ModelError(f"espeak-ng has no voice {base!r}; {_near(base, _names(source))}")
    else:
        found = _speaking(source, language)
        if found is None:
            tags = [tag for entry in source.listed for tag in entry.languages]
            raise ModelError(f"espeak-ng has no voice for the language {language!r}; {_near(language, tags)}")
    if plus:
        variants = {entry.lower(): entry for entry in source.variants}
        if variant.strip().lower() not in variants:
            raise ModelError(f"espeak-ng has no voice variant {variant!r}; {_near(variant, source.variants)}")
        variant = variants[variant.strip().lower()]
    default = TIMBRES.get(found.languages[0].partition("-")[0], STEADY)
    return f"{found.identifier}+{variant or default}"


def _named(source: EspeakLibrary, name: str) -> ListedVoice | None:
    name = name.lower()
    for entry in source.listed:
        if name in (entry.name.lower(), entry.identifier.lower(), entry.identifier.lower().rpartition("/")[2]):
            return entry
    return _tagged(source, name)


def _speaking(source: EspeakLibrary, language: str) -> ListedVoice | None:
    tag = language.strip().lower().replace("_", "-")
    while tag:
        found = _tagged(source, _ALIASES.get(tag, tag))
        if found is not None:
            return found
        tag = tag.rpartition("-")[0]  # "de-AT" is spoken by "de"
    return None


def _tagged(source: EspeakLibrary, tag: str) -> ListedVoice | None:
    """The voice that puts this language first; failing that the first whose language is a kind of it."""
    for entry in source.listed:
        if tag == entry.identifier.rpartition("/")[2].lower() or tag == entry.languages[0]:
            return entry
    return next((entry for entry in source.listed if any(own.startswith(f"{tag}-") for own in entry.languages)), None)


def _names(source: EspeakLibrary) -> list[str]:
    return [name for entry in source.listed for name in (entry.name, *entry.languages)]


def _near(wanted: str, names: Iterable[str]) -> str:
    by_lower = {name.lower(): name for name in names}
    wanted = wanted.strip().lower()
    near = difflib.get_close_matches(wanted, by_lower, n=4)
    near += [name for name in by_lower if name.startswith(wanted[:4]) and name not in near][:4]
    shown = [by_lower[name] for name in near or list(by_lower)[:4]]
    return f"{'near' if near else 'for example'}: {', '.join(shown)}"
