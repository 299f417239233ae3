"""Translation step by step, outside a session."""

from __future__ import annotations

import itertools

import pytest

from duplex.models.asr.contract import Hypothesis, Word
from duplex.streaming.errors import SettingsError
from duplex.testing.simultaneous import SpeechTranslation, TextTranslation
from tests.duplex.conversation.captions.scripted import Capitals

POLICIES = ("retranslate:0", "wait-k:2", "agreement", "alignatt:1", "streamuni:2")
SECOND = 16_000


def heard(text, stable, final=False):
    words = [Word(word, place * 5000, place * 5000 + 4000, 1.0) for place, word in enumerate(text.split())]
    return Hypothesis(tuple(words), len(words) if final else stable, final)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_text_grows_with_its_translation(policy):
    text = TextTranslation(Capitals(), "en", "de", policy)
    words = ["we", "go", "home", "now", "and", "sleep"]
    shown = [text.read(words[:count], count == len(words)) for count in range(1, len(words) + 1)]
    assert shown[-1] == tuple(word.upper() for word in words) == text.words
    assert all(after[: len(before)] == before for before, after in itertools.pairwise(shown))
    assert text.read(words, True) == text.words


@pytest.mark.parametrize("policy", POLICIES)
def test_speech_of_two_sentences_is_shown_whole(policy):
    speech, said = SpeechTranslation(Capitals(), "en", "de", policy), "We go home now. Then we all sleep."
    words = said.split()
    for count in range(1, len(words)):
        shown = speech.hear(heard(" ".join(words[:count]), count - 1), count * 5000)
        assert len(shown) <= count
    assert speech.hear(heard(said, 0, final=True), len(words) * 5000) == tuple(said.upper().split())


def test_a_retranslation_is_given_the_last_one_as_its_draft():
    translator = Capitals()
    text = TextTranslation(translator, "en", "de", "retranslate:1")
    text.read(["we"])
    assert text.read(["we", "go"]) == ("WE",)
    assert translator.drafts == ["", "WE"]


def test_silence_says_nothing():
    speech = SpeechTranslation(Capitals(), "en", "de")
    assert speech.hear(Hypothesis(()), SECOND) == speech.hear(Hypothesis((), 0, True), 2 * SECOND) == ()


def test_an_unknown_policy_is_told():
    with pytest.raises(SettingsError, match="one of"):
        TextTranslation(Capitals(), "en", "de", "wait")
