"""Interpreting in a session at virtual time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from duplex import events as ev
from duplex.conversation.interpreting.voice import voice_of
from duplex.engines import Engines
from duplex.models.tts.contract import Voice
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import SettingsError
from duplex.testing.conversation import converse, scripted_engines
from duplex.testing.fakes import ScriptedSynthesizer, UserSpeech
from tests.duplex.conversation.captions.scripted import TurningTranslator

GERMAN = Settings(interpret="de")


def engines(sounds: list[UserSpeech], **changes: object) -> Engines:
    return replace(scripted_engines(sounds), translator=TurningTranslator(), **changes)


def interpreted(playout: object) -> list[ev.Interpreted]:
    return [event for event in playout.events if isinstance(event, ev.Interpreted)]


def test_what_is_said_is_spoken_in_the_other_language_while_the_speaker_goes_on() -> None:
    sounds = [
        UserSpeech(1.0, 2.0, "I have a dog."),
        UserSpeech(2.5, 4.5, "It barks all day."),
        UserSpeech(5.0, 6.0, "Now go."),
    ]
    playout = converse(sounds, settings=GERMAN, engines=engines(sounds))
    said = interpreted(playout)
    assert [each.text for each in said] == ["DOG. A HAVE I", "DAY. ALL BARKS IT", "GO. NOW"]
    assert not any(isinstance(event, ev.Reply) for event in playout.events), "nobody is answered"
    first = said[0].start / SAMPLE_RATE
    assert 2.0 < first < 3.5 and said[0].behind == pytest.approx(first - 2.0, abs=0.01)
    assert said[0].end - said[0].start == round(4 * 0.3 * SAMPLE_RATE), "four words"
    assert first < 4.5, "the speaker goes on"
    for before, after in pairwise(said):
        assert before.end <= after.start


def test_a_sentence_that_cannot_be_translated_is_not_spoken_and_that_is_told() -> None:
    sounds = [UserSpeech(1.0, 2.0, "xxx yyy."), UserSpeech(4.0, 5.0, "Now go.")]
    told = interpreted(converse(sounds, settings=GERMAN, engines=engines(sounds)))
    assert [(each.text, each.reason) for each in told if each.left_out] == [("YYY. XXX", "hopeless")]
    assert [each.text for each in told if not each.left_out] == ["GO. NOW"]


def test_every_translation_is_said_or_told_to_be_left_out() -> None:
    """One is hopeless, one fails, some come too late, and the session ends in the middle of the last ones."""
    texts = ["xxx yyy.", "There barks a dog.", *(f"Word number {n} is here." for n in range(12)), "Now go."]
    sounds = [UserSpeech(1.0 + 2.0 * n, 2.6 + 2.0 * n, text) for n, text in enumerate(texts)]
    settings = replace(GERMAN, interpret_delay=4.0)
    made = engines(sounds, synthesizer=ScriptedSynthesizer(word_seconds=1.2, fail_on="DOG"))
    playout = converse(sounds, settings=settings, engines=made, limit=0.5)
    final = [event.caption for event in playout.events if isinstance(event, ev.Translation) and event.final]
    told = interpreted(playout)
    assert sorted(each.caption for each in told) == sorted(final) and len(final) == 15
    assert {each.reason for each in told if each.left_out} == {"hopeless", "failed", "late", "over"}
    assert not any(each.reason for each in told if not each.left_out)


class SpokenAlready(TurningTranslator):
    def translate(self, text, source, target, partial=False, begin="", draft=""):
        found = super().translate(text, source, target, partial, begin, draft)
        return replace(found, text=text, source=target)


def test_who_speaks_the_language_already_is_not_interpreted() -> None:
    sounds = [UserSpeech(1.0, 2.0, "Ich habe einen Hund.")]
    made = replace(engines(sounds), translator=SpokenAlready())
    assert interpreted(converse(sounds, settings=GERMAN, engines=made)) == []


def test_silence_is_not_interpreted() -> None:
    assert interpreted(converse([UserSpeech(1.0, 2.0)], settings=GERMAN, engines=engines([UserSpeech(1.0, 2.0)]))) == []


def test_a_voice_that_fails_costs_its_sentence_and_that_is_said_once() -> None:
    sounds = [UserSpeech(1.0, 2.0, "I have a dog."), UserSpeech(4.0, 5.0, "A dog."), UserSpeech(7.0, 8.0, "Now go.")]
    made = engines(sounds, synthesizer=ScriptedSynthesizer(fail_on="DOG"))
    playout = converse(sounds, settings=GERMAN, engines=made)
    assert [each.text for each in interpreted(playout) if not each.left_out] == ["GO. NOW"]
    assert [each.reason for each in interpreted(playout) if each.left_out] == ["failed", "failed"]
    lost = [event for event in playout.events if isinstance(event, ev.CapabilityLost)]
    assert [event.capability for event in lost] == ["interpreting"]


def test_a_slow_voice_is_never_further_behind_than_the_bound_and_says_what_it_leaves_out() -> None:
    """Half a minute without a pause, of which the voice would take a minute and a half."""
    sounds = [UserSpeech(1.0 + 2.0 * n, 2.6 + 2.0 * n, f"Word number {n} is here.") for n in range(15)]
    settings = replace(GERMAN, interpret_delay=6.0)
    made = engines(sounds, synthesizer=ScriptedSynthesizer(word_seconds=1.2))
    told = interpreted(converse(sounds, settings=settings, engines=made))
    said, left_out = [each for each in told if not each.left_out], [each for each in told if each.left_out]
    assert len(told) == 15 and len(left_out) >= 5 and said
    assert all(each.behind <= 6.1 for each in said) and max(each.rate for each in said) == 1.5


def test_a_pair_and_a_voice_that_are_not_to_be_had() -> None:
    sounds = [UserSpeech(1.0, 2.0, "Now go.")]
    with pytest.raises(SettingsError, match="turning has no en-it, only en-de, en-fr"):
        converse(sounds, settings=Settings(interpret="it"), engines=engines(sounds))

    class English(ScriptedSynthesizer):
        languages = ("en-US",)

    with pytest.raises(SettingsError, match="cannot speak 'de': scripted speaks en"):
        converse(sounds, settings=GERMAN, engines=engines(sounds, synthesizer=English()))


def test_a_named_voice_is_kept_if_it_speaks_the_language() -> None:
    class Two(ScriptedSynthesizer):
        languages = ("en", "de")

        def language_of(self, voice: Voice) -> str:
            return "de-DE" if voice.name == "Anna" else "en-GB"

    assert voice_of(Two(), Voice("Anna"), "de") == Voice("Anna", "de")
    assert voice_of(Two(), Voice("Jane"), "de") == Voice("", "de")


def test_german_numbers_are_read_in_german() -> None:
    from duplex.conversation.interpreting.voice import speech
    from duplex.models.tts import load_synthesizer

    synthesizer, voice = load_synthesizer(), Voice(language="de")
    written, spelled = (
        np.concatenate(list(speech(synthesizer, text, voice))) for text in ("Es sind 3 Häuser.", "Es sind drei Häuser.")
    )
    assert np.array_equal(written, spelled)
