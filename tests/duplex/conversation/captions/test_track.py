"""The caption track: revisions of a sentence, several languages, a translator that is slow or fails."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from duplex.conversation.captions import track as tr
from duplex.conversation.captions.track import CaptionTrack
from duplex.conversation.session import Session
from duplex.events import CapabilityLost, CapabilityRestored, Translation
from duplex.models.asr.contract import Hypothesis
from duplex.settings import Settings
from duplex.streaming.errors import SettingsError
from duplex.streaming.pipeline import Pipeline
from duplex.streaming.pool import InferencePool
from duplex.testing import UserSpeech, VirtualClock, converse, scripted_engines
from tests.duplex.conversation.captions.scripted import TurningTranslator
from tests.duplex.conversation.captions.test_segments import final, seconds, words


class Watcher:
    def __init__(self):
        self.lost, self.restored = [], []

    def capability_lost(self, capability, reason):
        self.lost.append((capability, reason))

    def capability_restored(self, capability):
        self.restored.append(capability)


def captions(script, languages=("de",), cost=None, watcher=None, **policy):
    """What a track emits; script: takes the track and may wait."""
    emitted, translator, clock = [], TurningTranslator(), VirtualClock()

    async def main():
        steps = InferencePool(inline=True, cost=cost)
        track = CaptionTrack(translator, steps, emitted.append, "en-US", **policy)
        for language in languages:
            track.listen(language, language)
        async with Pipeline(watcher or Watcher()) as pipeline:
            pipeline.add(track.node)
            await script(track)

    clock.run(main())
    return emitted, translator


async def settle(track):
    while track.busy:  # noqa: ASYNC110 (virtual time)
        await asyncio.sleep(0.01)


def test_revisions_of_a_caption_bear_its_id_and_count_what_they_take_back():
    async def script(track):
        for text in ("one two three four", "one two three four five"):
            track.hear("user", 0, Hypothesis(words(text), 0))
            await settle(track)
        track.hear("user", 0, final("one two three four five."))
        await settle(track)

    emitted, _ = captions(script)
    assert [event.text for event in emitted] == ["FOUR", "FIVE FOUR", "FIVE. FOUR THREE TWO ONE"]
    assert [event.erased for event in emitted] == [0, 1, 2]
    assert [event.revision for event in emitted] == [1, 2, 3]
    assert {event.caption for event in emitted} == {0} and emitted[-1].final and not emitted[0].final
    assert emitted[-1].stable == len(emitted[-1].text) and emitted[0].stable == 0
    assert emitted[-1].words == (0, 4) and emitted[-1].source == "one two three four five."


def test_each_listener_has_a_language_and_may_change_it():
    async def script(track):
        track.hear("user", 0, final("hello there."))
        await settle(track)
        track.listen("fr", "")
        track.listen("de", "en")
        assert track.wanted("user") == ()
        track.hear("user", seconds(5), final("nobody reads this."))
        await settle(track)
        track.listen("de", "fr-CA")
        track.hear("user", seconds(9), final("good bye."))
        await settle(track)

    emitted, translator = captions(script, ("de", "fr"))
    assert [(event.language, event.source) for event in emitted] == [
        ("de", "hello there."),
        ("fr", "hello there."),
        ("fr", "good bye."),
    ]
    assert "nobody" not in str(translator.asked)


def test_a_slow_translator_skips_states_but_no_sentence():
    async def script(track):
        for number in range(20):
            track.hear("user", seconds(10 * number), Hypothesis(words("a b c d"), 0))
            track.hear("user", seconds(10 * number), Hypothesis(words("a b c d e"), 0))
            track.hear("user", seconds(10 * number), final(f"sentence number {number}."))
            await asyncio.sleep(0.1)

    emitted, translator = captions(script, cost=lambda name: 0.5)
    finals = [event for event in emitted if event.final]
    assert [event.source for event in finals] == [f"sentence number {number}." for number in range(20)]
    assert len(translator.asked) <= 22


def test_what_waits_is_bounded_and_what_is_given_up_is_marked():
    async def script(track):
        for number in range(tr.WAITING + 10):
            track.hear("user", seconds(10 * number), final(f"sentence {number}."))

    emitted, _ = captions(script)
    lost = [event for event in emitted if event.hopeless]
    assert len(lost) == 10 and lost[0].text == lost[0].source == "sentence 0."
    assert len(emitted) == tr.WAITING + 10 and all(event.final for event in emitted)


def test_a_failure_costs_one_caption():
    watcher = Watcher()

    async def script(track):
        for number, text in enumerate(("boom.", "all is well.")):
            track.hear("user", seconds(10 * number), final(text))
            await settle(track)

    emitted, _ = captions(script, watcher=watcher)
    assert [(event.text, event.hopeless) for event in emitted] == [("boom.", True), ("WELL. IS ALL", False)]
    assert watcher.lost == [("translation", "RuntimeError: no such word")] and watcher.restored == ["translation"]


def test_a_hopeless_sentence_is_marked():
    async def script(track):
        track.hear("user", 0, final("xxx yyy."))

    emitted, _ = captions(script)
    assert emitted[-1].hopeless and emitted[-1].quality == 0.1


def test_only_a_sentence_that_is_over_is_called_hopeless():
    async def script(track):
        track.hear("user", 0, Hypothesis(words("xxx one two three four"), 0))
        await settle(track)
        track.hear("user", 0, final("xxx one two three four."))

    emitted, _ = captions(script)
    assert [(event.final, event.hopeless) for event in emitted] == [(False, False), (True, True)]


@pytest.mark.parametrize(("confidence", "count", "hopeless"), [(0.5, 5, True), (0.7, 5, False), (0.1, 2, False)])
def test_what_the_recognizer_is_not_sure_of_is_no_translation(confidence, count, hopeless):
    async def script(track):
        said = tuple(replace(word, confidence=confidence) for word in words("one two three four five.")[-count:])
        track.hear("user", 0, Hypothesis(said, count, final=True))

    emitted, _ = captions(script)
    assert emitted[-1].hopeless is hopeless and emitted[-1].quality == pytest.approx(0.9 * confidence)


def test_what_was_shown_and_taken_back_is_removed():
    async def script(track):
        track.hear("user", 0, Hypothesis(words("um so well then"), 0))
        await settle(track)
        track.hear("user", 0, Hypothesis(final=True))

    emitted, _ = captions(script)
    assert [event.text for event in emitted] == ["THEN", ""] and emitted[-1].final and emitted[-1].erased == 1


def test_a_pair_that_the_translator_lacks_is_one_line():
    async def script(track):
        with pytest.raises(SettingsError, match=r"turning has no en-pt, only en-de, en-fr; name another one") as error:
            track.listen("me", "pt")
        assert "\n" not in str(error.value)

    captions(script)


def talk(engines_of, sounds, **settings):
    engines = scripted_engines(sounds)
    engines.translator = engines_of
    return converse(sounds, engines=engines, settings=Settings(assistant=False, **settings))


def test_a_session_translates_what_is_said():
    sounds = [UserSpeech(0.5, 1.5, "I have a"), UserSpeech(2.0, 3.0, "dog. It barks."), UserSpeech(6, 7, "good bye")]
    playout = talk(TurningTranslator(), sounds, translate_to="de")
    found = [event for event in playout.events if isinstance(event, Translation)]
    finals = [event for event in found if event.final]
    assert [event.source for event in finals] == ["I have a dog.", "It barks.", "good bye"]
    assert finals[0].text == "DOG. A HAVE I" and finals[0].language == "de"
    assert finals[0].start <= round(0.6 * 16000) and finals[0].end <= round(3.2 * 16000)
    assert playout.events[-1].queues["translate"]["dropped"] == 0


def test_a_session_without_a_language_does_not_translate():
    translator = TurningTranslator()
    talk(translator, [UserSpeech(0.5, 1.5, "hello there")])
    assert not translator.asked


def test_a_translator_that_fails_costs_the_session_nothing_else():
    playout = talk(
        TurningTranslator(), [UserSpeech(0.5, 1.5, "boom boom."), UserSpeech(4, 5, "fine.")], translate_to="de"
    )
    assert [e.capability for e in playout.events if isinstance(e, CapabilityLost)] == ["translation"]
    assert [e.capability for e in playout.events if isinstance(e, CapabilityRestored)] == ["translation"]
    assert [e.type for e in playout.events].count("word") == 3


async def test_a_language_can_be_switched_in_a_session():
    engines = scripted_engines([])
    engines.translator = TurningTranslator()
    async with Session(Settings(assistant=False), engines=engines) as session:
        await session.translate("me", "de")
        await session.translate("me", "fr")
        with pytest.raises(SettingsError, match="en-pt"):
            await session.translate("you", "pt")
        await session.translate("me", "")


async def test_a_pair_that_nobody_has_ends_a_session_before_it_begins():
    with pytest.raises(SettingsError, match="no en-xx, only en-de and de-en"):
        async with Session(Settings(assistant=False, translate_to="xx"), engines=scripted_engines([])):
            pass
