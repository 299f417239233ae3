"""Speech by Piper voices: natural, thousands of them in dozens of languages, an ONNX file and a JSON file each.

A text is spoken sentence by sentence, a long first sentence from its first clause on; a sentence is sounded a window at
a time. So the first sound comes early, and an interruption ends the work within a window. Each word's place is known
from the durations that the network gives every phoneme.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from pathlib import Path

import numpy as np

from duplex.models.tts.contract import SpeechChunk, Voice, WordMark
from duplex.models.tts.espeak import espeak_voice
from duplex.models.tts.phonemes import Pronounced, pronounce
from duplex.models.tts.piper_model import PiperModel, Prepared, piper_model
from duplex.models.tts.speech_stream import SpeechStream
from duplex.models.tts.word_marks import covering
from duplex.streaming.errors import ModelError

FIRST_CLAUSE, LONG_SENTENCE = 16, 64
"""Characters: a first sentence of more than LONG_SENTENCE begins with a piece of its own, of FIRST_CLAUSE at least."""
LONGEST = 120
"""Characters of a piece: what the network takes in at once, about 0.2 s of work before its first sound."""
PAUSE = 0.18
"""Seconds of silence between sentences, beside what the voice leaves itself."""
STORE_PREFIX = "piper-"

_SENTENCE_END = re.compile(r"[.!?…]+[\"'”’»)\]]*\s+|[。！？]+|\n+")
_CLAUSE_END = re.compile(r"[,;:][\"'”’»)\]]*\s+|\s[-–—]\s+|[，、；：]|—")


def is_piper_voice(name: str) -> bool:
    """Whether a setting `voice` names one: NAME.onnx, a name of the store, either with "#speaker" if wished."""
    base = split_speaker(name)[0]
    return base.lower().endswith(".onnx") or base.startswith(STORE_PREFIX)


def split_speaker(name: str) -> tuple[str, str]:
    """(voice, speaker) of "voice#speaker"."""
    base, sign, speaker = name.rpartition("#")
    return (base, speaker) if sign else (name, "")


class PiperSynthesizer:
    """A `Synthesizer` (models/tts/contract.py) for one voice; any number of callers and threads.

    voice: path of NAME.onnx, a folder with one voice, or a name of the model store ("piper-…"); of a voice with several
    speakers, "voice#speaker". Raises ModelError in one line for a voice that cannot be had or is none.
    """

    name = "piper"

    def __init__(self, voice: str) -> None:
        self.voice, speaker = split_speaker(voice)
        path = voice_file(self.voice)
        self._model: PiperModel = piper_model(path)
        self._title = path.stem
        self._speaker = self._model.config.speaker(speaker)
        self._espeak = self._pronunciation()
        self.sample_rate = self._model.config.sample_rate

    @property
    def languages(self) -> tuple[str, ...]:
        """Primary tag of the language that the voice speaks."""
        return (re.split("[-_]", self._model.config.language.lower())[0],)

    def synthesize(self, text: str, voice: Voice | None = None) -> Iterator[SpeechChunk]:
        """Yields chunks of 0.3 to 0.8 s. Raises ModelError at once for another language than the voice's or a speaker
        it does not have, SettingsError for a rate or volume that is no positive number."""
        voice = voice or Voice(language=self.languages[0])
        voice.check()
        wanted = re.split("[-_]", voice.language.lower())[0]
        if wanted and wanted not in self.languages:
            raise ModelError(
                f"the voice {self._title} speaks {self.languages[0]}, not {wanted}; "
                f"choose a voice for that language, or set language to {self.languages[0]}"
            )
        base, speaker = split_speaker(voice.name)
        if base not in ("", self.voice):
            raise ModelError(f"this engine speaks as {self.voice}, not as {base!r}")
        number = self._model.config.speaker(speaker) if speaker else self._speaker
        return SpeechStream(self._speak(text, number, voice))

    def language_of(self, voice: Voice) -> str:
        """That of the voice's phonemes."""
        return self.languages[0]

    def voices(self) -> list[Voice]:
        """The voice, or one for each of its speakers."""
        config = self._model.config
        names = [f"{self.voice}#{speaker}" for speaker in config.speakers] or [self.voice]
        return [Voice(name=name, language=self.languages[0]) for name in names]

    def close(self) -> None:
        """Ends nothing: the weights serve every other speaker of this process."""

    def _pronunciation(self) -> str:
        wanted = self._model.config.espeak_voice
        return espeak_voice(wanted, wanted) if wanted else ""

    def _speak(self, text: str, speaker: int, voice: Voice) -> Generator[SpeechChunk, None, None]:
        pieces = list(cut(text))
        position = sounded = 0
        for number, (start, end, ends) in enumerate(pieces):
            said = pronounce(text, start, end, self._espeak)
            ids, words = self._ids(said)
            if all(word < 0 for word in words):
                continue
            prepared = self._model.prepare(ids, speaker, voice.rate)
            marks = _marks(said, words, prepared, self._model.hop, position, (start, end))
            for first, last in self._model.windows(len(prepared.latent[0, 0]), sounded):
                samples = self._model.sound(prepared, first, last)
                reached = position + last * self._model.hop
                now = [mark for mark in marks if mark.start < reached]
                marks = marks[len(now) :]
                sounded += 1
                yield SpeechChunk(voice.sounded(samples), tuple(now))
            position += prepared.latent.shape[2] * self._model.hop
            if ends and (number < len(pieces) - 1 or text[-1].isspace()):
                silence = np.zeros(round(PAUSE * self.sample_rate), np.float32)
                position += len(silence)
                yield SpeechChunk(silence)

    def _ids(self, said: Pronounced) -> tuple[list[int], list[int]]:
        """Phoneme ids, with padding between as the voices were trained, and the word of each; a symbol that the voice
        does not know is left out.

        The space before a word and the padding before the first belong to the word: in training the onset of a word is
        aligned with them (without them its mark is 54 ms late in the median, with them 5 ms)."""
        known = self._model.config.ids
        pad = known["_"]
        following = [*said.words, -1][1:]
        ids = [*known["^"], *pad]
        words = [-1] * len(known["^"]) + [next((word for word in said.words if word >= 0), -1)] * len(pad)
        for symbol, word, after in zip(said.symbols, said.words, following, strict=True):
            word = after if symbol == " " else word
            if symbol in known:
                ids += [*known[symbol], *pad]
                words += [word] * (len(known[symbol]) + len(pad))
        return [*ids, *known["$"]], [*words, *([-1] * len(known["$"]))]


def voice_file(name: str) -> Path:
    """The ONNX file of a voice given as PiperSynthesizer takes it. Raises ModelError."""
    if not name:
        raise ModelError("which Piper voice? Give --voice path/to/NAME.onnx, or a name of `duplex models list`")
    path = Path(name).expanduser()
    if name.startswith(STORE_PREFIX) and not path.exists():
        from duplex.models.store import fetch

        path = fetch(name)
    if path.is_dir():
        found = sorted(path.glob("*.onnx"))
        if len(found) != 1:
            raise ModelError(f"{path}: has {len(found)} files NAME.onnx, where a voice has one")
        return found[0]
    if not path.is_file():
        raise ModelError(f"{path}: there is no such voice; give the path of NAME.onnx, or a name of the store")
    return path


def cut(text: str) -> Iterator[tuple[int, int, bool]]:
    """(start, end, whether a sentence ends there) of the pieces in which a text is spoken, without white space around
    them."""
    at = 0
    for found in _SENTENCE_END.finditer(text):
        yield from _cut_sentence(text, at, found.end(), first=not text[:at].strip())
        at = found.end()
    yield from _cut_sentence(text, at, len(text), first=not text[:at].strip())


def _cut_sentence(text: str, start: int, end: int, *, first: bool) -> Iterator[tuple[int, int, bool]]:
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end = start + len(text[start:end].rstrip())
    if first and end - start > LONG_SENTENCE:
        clause = _CLAUSE_END.search(text, start + FIRST_CLAUSE, start + LONGEST)
        if clause and clause.end() < end:
            yield start, start + len(text[start : clause.end()].rstrip()), False
            start = clause.end()
    while end - start > LONGEST:
        clauses = [found.end() for found in _CLAUSE_END.finditer(text, start + LONGEST // 3, start + LONGEST)]
        space = text.rfind(" ", start + 1, start + LONGEST)
        at = clauses[-1] if clauses else space + 1 if space > start else start + LONGEST
        yield start, start + len(text[start:at].rstrip()), False
        start = at
    if start < end:
        yield start, end, True


def _marks(
    said: Pronounced, words: list[int], prepared: Prepared, hop: int, offset: int, piece: tuple[int, int]
) -> list[WordMark]:
    """The words of a piece whose first sample is `offset`."""
    ends = offset + np.cumsum(prepared.frames) * hop
    starts = ends - prepared.frames * hop
    places: dict[int, tuple[int, int]] = {}
    for place, word in enumerate(words):
        if word >= 0:
            begin = places[word][0] if word in places else int(starts[place])
            places[word] = begin, int(ends[place])
    return covering(said.spans, places, piece)
