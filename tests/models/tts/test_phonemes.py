from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.tts.espeak import EspeakSynthesizer, espeak_voice
from duplex.models.tts.espeak_library import library
from duplex.models.tts.phonemes import Pronounced, pronounce

AMERICAN, GERMAN = "en-us", "de"


def said(text: str, language: str = AMERICAN) -> Pronounced:
    return pronounce(text, 0, len(text), espeak_voice(language, language))


def by_word(text: str, language: str = AMERICAN) -> dict[str, str]:
    found = said(text, language)
    return {
        text[start:end]: "".join(s for s, w in zip(found.symbols, found.words, strict=True) if w == number)
        for number, (start, end) in enumerate(found.spans)
    }


def test_words_are_pronounced_and_clauses_keep_their_punctuation():
    assert "".join(said("Hello, world! Are you there?").symbols) == "həlˈoʊ, wˈɜːld! ɑːɹ juː ðˈɛɹ?"


def test_words_that_the_voice_joins_are_told_apart():
    words = by_word("In the end it was out of the question")
    assert words["In"].startswith("ɪn") and words["the"] == "ðə" and words["out"] == "ˌaʊɾ" and words["of"] == "əv"


def test_a_number_of_several_words_is_one_word_of_the_text():
    words = by_word("It costs 1984 dollars")
    assert words["1984"].startswith("nˈaɪn") and words["1984"].endswith("fˈɔːɹ")
    assert words["dollars"] == "dˈɑːlɚz"


def test_what_is_not_spoken_belongs_to_the_word_before():
    assert list(by_word("- Yes - of course ...")) == ["- Yes -", "of", "course ..."]


def test_german():
    assert by_word("Guten Tag", GERMAN) == {"Guten": "ɡˈuːtən", "Tag": "tˈɑːk"}


@pytest.mark.parametrize("text", ["", " ", "...", "- -", "\n"])
def test_a_text_without_words_has_no_symbols(text):
    assert said(text) == Pronounced([], [], [])


def test_nothing_of_a_clause_is_left_for_the_next():
    """espeak-ng reads a character ahead and would keep it."""
    for clause in ("a\nb\n\nc", "Wait... what", "x.y", "a. b"):
        library().phonemes([clause], espeak_voice(AMERICAN, ""))
        assert library().phonemes(["it is"], espeak_voice(AMERICAN, "")) == ["ɪɾ ˈɪz"]


def test_speech_is_the_same_after_phonemes_were_asked_for():
    engine = EspeakSynthesizer()
    before = [chunk.samples.tobytes() for chunk in engine.synthesize("Hello, world. It is a test.")]
    for number in range(300):
        said(f"Something else, in between... {number}")
    assert [chunk.samples.tobytes() for chunk in engine.synthesize("Hello, world. It is a test.")] == before


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=80))
def test_any_text_gives_words_in_order_that_lie_in_it(text):
    found = said(text)
    assert len(found.symbols) == len(found.words)
    assert all(-1 <= word < len(found.spans) for word in found.words)
    assert all(0 <= start < end <= len(text) for start, end in found.spans)
    assert all(a[1] <= b[0] for a, b in zip(found.spans, found.spans[1:], strict=False))
    spoken = [word for word in found.words if word >= 0]
    assert spoken == sorted(spoken)
