"""Every engine of the family is given text as it is read aloud, and gives marks of what was written."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.tts import ENGINES, SpeechChunk, Synthesizer, Voice, WordMark, load_synthesizer
from duplex.models.tts.espeak import EspeakSynthesizer
from duplex.models.tts.kokoro import KokoroSynthesizer
from duplex.models.tts.normalization import NormalizingSynthesizer
from duplex.models.tts.normalization.front_end import PART, cut
from duplex.models.tts.piper import PiperSynthesizer
from duplex.models.tts.speech_server import SpeechServer
from duplex.streaming.errors import ModelError
from duplex.testing.fakes import ScriptedSynthesizer
from tests.models.tts.listening import gathered
from tests.models.tts.voices import TINY

WRITTEN = "Dr. Smith paid $5.99 at 3:30 pm 😀 today."
SPOKEN = "Doctor Smith paid five dollars and ninety-nine cents at three thirty P M  today."
WORDS = ["Dr.", "Smith", "paid", "$5.99", "at", "3:30 pm 😀", "today."]
VOICES = {"espeak": "", "flite": "", "kokoro": str(TINY.parent / "kokoro"), "piper": str(TINY)}


def loaded(name: str) -> Synthesizer:
    try:
        return load_synthesizer(name, VOICES[name])
    except ModelError as error:
        if name != "flite":
            raise
        pytest.skip(str(error))


def test_there_is_a_voice_here_for_every_engine() -> None:
    assert set(VOICES) == set(ENGINES)


@pytest.mark.parametrize("name", ENGINES)
def test_every_engine_reads_aloud_and_marks_what_was_written(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    engine = loaded(name)
    assert isinstance(engine, NormalizingSynthesizer)
    kind = type(engine.engine)
    speak = kind.synthesize
    monkeypatch.setattr(kind, "synthesize", lambda self, text, voice: said.append(text) or speak(self, text, voice))
    _, marks = gathered(list(engine.synthesize(WRITTEN, Voice(language="en"))))
    assert said == [SPOKEN]
    assert [WRITTEN[mark.text_start : mark.text_end] for mark in marks] == WORDS
    price = marks[WORDS.index("$5.99")]
    assert price.end - price.start > 2 * (marks[2].end - marks[2].start)


def test_the_spare_of_an_engine_reads_aloud_as_well() -> None:
    engine = load_synthesizer("http://127.0.0.1:9/v1")
    assert isinstance(engine.spare, NormalizingSynthesizer) and engine.spare.name == "espeak"
    _, marks = gathered(list(engine.spare.synthesize(WRITTEN, Voice(language="en"))))
    assert [WRITTEN[mark.text_start : mark.text_end] for mark in marks] == WORDS
    engine.close()


@pytest.mark.parametrize(
    ("engine", "voice", "language"),
    [
        (EspeakSynthesizer, Voice("de", "en"), "de"),
        (EspeakSynthesizer, Voice("German+f2", "fr"), "de"),
        (EspeakSynthesizer, Voice("+f2", "de"), "de"),
        (lambda: PiperSynthesizer(str(TINY)), Voice(language=""), "en"),
        (lambda: KokoroSynthesizer(VOICES["kokoro"]), Voice(language="es"), "es"),
        (lambda: SpeechServer("http://127.0.0.1:9/v1"), Voice(language="de-AT"), "de-AT"),
    ],
)
def test_a_text_is_read_in_the_language_of_the_voice(engine, voice: Voice, language: str) -> None:
    made = engine()
    assert made.language_of(voice) == language
    made.close()


def test_the_voice_decides_how_numbers_are_read() -> None:
    engine = load_synthesizer("espeak")
    both = [gathered(list(engine.synthesize(text, Voice("de", "en"))))[0] for text in ("5 €", "fünf Euro")]
    assert len(both[0]) == len(both[1])


def test_an_interruption_reaches_the_engine() -> None:
    class Endless:
        name, sample_rate = "endless", 16_000
        closed = 0

        def synthesize(self, text: str, voice: Voice) -> Iterator[SpeechChunk]:
            try:
                while True:
                    yield SpeechChunk(np.zeros(160, np.float32))
            finally:
                self.closed += 1

        def language_of(self, voice: Voice) -> str:
            return "en"

        def voices(self) -> list[Voice]:
            return []

        def close(self) -> None:
            pass

    endless = Endless()
    speech = NormalizingSynthesizer(endless).synthesize("one", Voice())
    next(speech)
    speech.close()
    assert endless.closed == 1 and next(speech, None) is None


@given(st.text(st.sampled_from("ab. \n!"), max_size=9 * PART))
def test_a_long_text_is_cut_at_white_space_and_nothing_is_lost(text: str) -> None:
    parts = list(cut(text))
    assert "".join(parts) == text
    assert all(PART < len(part) <= 2 * PART for part in parts[:-1])
    assert all(part[-1].isspace() for part in parts[:-1] if any(sign.isspace() for sign in part[PART:]))


def test_a_long_text_is_spoken_part_by_part_and_marked_as_one() -> None:
    said: list[str] = []

    class Listed(ScriptedSynthesizer):
        def synthesize(self, text: str, voice: Voice) -> Iterator[SpeechChunk]:
            said.append(text)
            return super().synthesize(text, voice)

        def language_of(self, voice: Voice) -> str:
            return "en"

    text = "It costs $5 today 🎉. " * 200
    speech = NormalizingSynthesizer(Listed(word_seconds=0.01)).synthesize(text, Voice())
    next(speech)
    assert len(said) == 1
    _, marks = gathered([SpeechChunk(np.zeros(160, np.float32), (WordMark(0, 2, 0, 160),)), *speech])
    assert len(said) == 4 and "".join(said) == "It costs five dollars today . " * 200
    assert [text[mark.text_start : mark.text_end] for mark in marks] == ["It", "costs", "$5", "today 🎉", "."] * 200
    assert marks[-1].end == 200 * 6 * 160
