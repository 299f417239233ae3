"""Everything that is perceived in a conversation, as one stream."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from duplex import events as ev
from duplex.conversation.percepts import MOST, HeardAs, Percepts
from duplex.models.interaction.contract import Control
from duplex.models.interaction.percepts import Activity, OwnSpeech, Percept, Prosody, Sound, TimerDue, Words
from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing import Answer, Playout, UserSpeech
from tests.duplex.conversation.deciders import hold


class PerceptSink(Playout):
    def __init__(self) -> None:
        super().__init__()
        self.percepts: list[Percept] = []

    def on_percept(self, percept: Percept) -> None:
        self.percepts.append(percept)

    def of(self, kind: type) -> list:
        return [percept for percept in self.percepts if isinstance(percept, kind)]


def conversation() -> PerceptSink:
    sink = PerceptSink()
    timer = Control("timer", text="your tea is ready", at=6.0)
    answers = [Answer("it is nine o'clock", controls=(timer,))]
    hold([UserSpeech(0.5, 1.5, "what time is it"), UserSpeech(2.6, 2.9, "mhm")], answers, sink)
    return sink


def test_every_kind_is_told_in_the_order_in_which_it_became_known() -> None:
    sink = conversation()
    assert {type(percept) for percept in sink.percepts} >= {Words, Activity, OwnSpeech, TimerDue, Prosody}
    assert all(before.at <= after.at for before, after in pairwise(sink.percepts))
    assert all(percept.start <= percept.end <= percept.at + 0.04 for percept in sink.percepts)
    times = [(percept.active, round(percept.start, 1), round(percept.end, 1)) for percept in sink.of(Activity)]
    assert times[:2] == [(True, 0.5, 0.6), (False, 0.5, 1.5)]


def test_an_utterance_has_one_number_and_rising_revisions_and_ends_once() -> None:
    words = conversation().of(Words)
    numbers = sorted({said.utterance for said in words})
    assert numbers == [1, 2]
    for number in numbers:
        revisions = [said for said in words if said.utterance == number]
        assert [said.revision for said in revisions] == list(range(len(revisions)))
        assert [said.final for said in revisions] == [False] * (len(revisions) - 1) + [True]
        assert all(said.stable <= len(said.text.split()) for said in revisions)
    assert [said.text for said in words if said.final] == ["what time is it", "mhm"]


def test_own_speech_is_what_was_heard_of_it() -> None:
    sink = conversation()
    heard = [(word.epoch, word.text) for word in sink.events if isinstance(word, ev.SpokenWord)]
    assert [(percept.epoch, percept.text) for percept in sink.of(OwnSpeech)] == heard
    assert sink.of(TimerDue)[0].text == "your tea is ready"


def test_the_words_of_others_are_percepts_of_their_own() -> None:
    told: list[Percept] = []
    percepts = Percepts(told.append, lambda: None)
    said = [
        HeardAs(0, 100, "hello", "ann"),
        HeardAs(100, 200, "hand", "bob", side=True),
        HeardAs(200, 300, "me", "bob", side=True),
    ]
    percepts.words("user", 0, said[:1], 1, final=False)
    percepts.words("user", 0, said, 2, final=False)
    percepts.words("user", 0, said[:1], 1, final=True)
    own = [each for each in told if isinstance(each, Words) and not each.side]
    side = [each for each in told if isinstance(each, Words) and each.side]
    assert [each.text for each in own] == ["hello"] * 3
    assert [(each.text, each.stable, each.final) for each in side] == [("hand me", 1, False), ("", 0, True)]
    assert {each.utterance for each in own}.isdisjoint({each.utterance for each in side})
    assert (own[0].speaker, side[0].speaker) == ("ann", "bob")


def test_what_nobody_takes_is_bounded_and_counted() -> None:
    percepts = Percepts(lambda percept: None, lambda: None)
    for number in range(MOST + 10):
        percepts.put(Sound(float(number), 0.0, 0.0, "rain", 0.5))
    taken = percepts.take()
    assert (len(taken), taken[0].at, percepts.dropped) == (MOST, 10.0, 10)
    assert percepts.take() == []


def test_a_pause_that_the_recognizer_has_reached_makes_the_words_complete() -> None:
    told: list[Percept] = []
    asked: list[bool] = []
    percepts = Percepts(told.append, lambda: asked.append(True))
    said = [HeardAs(0, 100, "hello")]
    percepts.words("user", 0, said, 1, final=False)
    percepts.caught_up()
    percepts.words("user", 0, said, 1, final=False)
    percepts.words("user", 0, said, 1, final=False)
    assert [words.complete for words in told if isinstance(words, Words)] == [False, True, False]
    assert asked == [True]


def test_the_end_of_speech_has_the_slope_of_its_pitch() -> None:
    prosody = conversation().of(Prosody)
    assert prosody and all(np.isclose(each.end - each.start, 0.8, atol=0.5) for each in prosody)
    assert round(prosody[0].end * SAMPLE_RATE) > round(1.5 * SAMPLE_RATE) - 1600
