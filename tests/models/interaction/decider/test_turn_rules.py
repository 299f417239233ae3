"""The gate of rules over hand-made percepts, block by block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from duplex.floor_settings import FloorSettings
from duplex.models.interaction.decider.contract import Situation, Verdict
from duplex.models.interaction.decider.turn_rules import RuleGate
from duplex.models.interaction.percepts import Activity, Percept, Sound, Words
from duplex.models.turn_taking import load_turn_taking


class Hearing:
    """A gate, and percepts to feed it with; times in seconds."""

    def __init__(self) -> None:
        self.gate = RuleGate(load_turn_taking(), FloorSettings())
        self.state = self.gate.initial_state()
        self.situation = Situation(0.0, patience=0.45)
        self.new: list[Percept] = []
        self.utterance = 0
        self.onset = 0.0

    def starts(self, at: float, party: str = "user") -> Hearing:
        self.onset, self.utterance = at, self.utterance + 1
        self.new.append(Activity(at, at, at, party, True))
        return self

    def stops(self, at: float, party: str = "user") -> Hearing:
        self.new.append(Activity(at, self.onset, at, party, False))
        return self

    def says(self, at: float, text: str, *, final: bool = False, side: bool = False) -> Hearing:
        words = Words(at, self.onset, at, "user", text, self.utterance, 0, 0, final, side=side, complete=final)
        self.new.append(words)
        return self

    def decides(self, at: float, **situation: object) -> Verdict:
        self.situation = replace(self.situation, now=at, **situation)  # type: ignore[arg-type]
        new, self.new = self.new, []
        verdict, self.state = self.gate.read(new, self.situation, self.state)
        assert verdict is not None
        return verdict

    def actions(self, times: Sequence[float], **situation: object) -> list[str]:
        return [self.decides(at, **situation).action for at in times]


def test_a_turn_is_answered_after_its_pause_and_not_before() -> None:
    hearing = Hearing().starts(1.0)
    assert hearing.says(1.5, "what time").decides(1.6).action == "silent"
    hearing.stops(2.0).says(2.2, "what time is it", final=True)
    assert hearing.actions([2.2, 2.4, 2.5]) == ["silent", "silent", "respond"]


def test_a_turn_waits_for_the_recognizer_but_not_for_ever() -> None:
    hearing = Hearing().starts(1.0).says(1.5, "what time").stops(2.0)
    assert hearing.actions([3.0, 6.0, 9.9, 10.1]) == ["silent", "silent", "silent", "respond"]


def test_silence_is_waited_for_as_long_as_the_words_ask() -> None:
    hearing = Hearing().starts(1.0).stops(2.0).says(2.1, "set a timer for", final=True)
    assert hearing.actions([2.6, 3.5, 3.7], patience=1.6) == ["silent", "silent", "respond"]


def test_what_is_answered_is_answered_once() -> None:
    hearing = Hearing().starts(1.0).stops(2.0).says(2.1, "what time is it", final=True)
    assert hearing.decides(2.5).action == "respond"
    assert hearing.actions([2.9, 3.3], answering=True, since=2.5) == ["silent", "silent"]
    assert hearing.actions([3.7, 9.0], answering=False) == ["silent", "silent"]


def test_a_turn_that_goes_on_after_all_is_one_turn() -> None:
    hearing = Hearing().starts(1.0).stops(2.0).says(2.1, "set a timer", final=True)
    hearing.decides(2.6)
    hearing.starts(2.8)
    hearing.decides(2.9, since=0.0)
    hearing.stops(3.5).says(3.6, "for ten minutes", final=True)
    assert hearing.decides(4.0).action == "respond"
    assert [words.text for words in hearing.state.open_turn(0.0)] == ["set a timer", "for ten minutes"]


def test_side_speech_is_not_answered() -> None:
    hearing = Hearing().starts(1.0).stops(2.0).says(2.1, "hand me the salt", final=True, side=True)
    assert set(hearing.actions([2.5, 3.0, 4.0])) == {"silent"}


def test_an_endless_turn_is_answered() -> None:
    hearing = Hearing().starts(1.0).says(2.0, "so first of all")
    assert hearing.actions([20.0, 30.9, 31.1]) == ["silent", "silent", "respond"]


@pytest.mark.parametrize(
    ("text", "final", "lasted", "action"),
    [
        ("stop", True, 0.4, "yield"),
        ("table", True, 0.4, "silent"),  # short, and asks for nothing: a cough is heard so
        ("what about the weather", False, 1.0, "yield"),
        ("what about the weather", False, 0.5, "silent"),  # not heard to its end
        ("right", False, 1.0, "silent"),
    ],
)
def test_words_over_a_reply_take_the_floor(text: str, final: bool, lasted: float, action: str) -> None:
    hearing = Hearing()
    hearing.decides(4.0, speaking=True, since=3.0)
    hearing.starts(5.0).decides(5.1)
    hearing.says(5.0 + lasted, text, final=final)
    if final:
        hearing.stops(5.0 + lasted).says(5.0 + lasted, text, final=True)
    assert hearing.decides(5.0 + lasted).action == action


def test_a_held_reply_resumes_after_a_backchannel_a_cough_and_long_noise() -> None:
    for text in ("mhm", ""):
        hearing = Hearing()
        hearing.decides(4.0, speaking=True, since=3.0)
        hearing.starts(5.0).decides(5.1)
        hearing.decides(5.3, speaking=False, held=True)
        hearing.stops(5.5).says(5.8, text, final=True)
        assert hearing.decides(6.0).action == "resume"
        assert hearing.decides(6.4, speaking=True, held=False).action == "silent"
    noise = Hearing()
    noise.decides(4.0, speaking=True, since=3.0)
    noise.starts(5.0)
    noise.decides(5.2)
    assert noise.actions([5.4, 6.5, 7.1], speaking=False, held=True) == ["silent", "silent", "resume"]


def test_a_held_reply_waits_until_an_utterance_is_over_though_its_words_are_complete_in_a_pause() -> None:
    hearing = Hearing()
    hearing.decides(4.0, speaking=True, since=3.0)
    hearing.starts(5.0).decides(5.1)
    hearing.decides(5.3, speaking=False, held=True)
    hearing.stops(5.5).new.append(Words(5.6, 5.0, 5.5, "user", "could", hearing.utterance, 0, 1, False, complete=True))
    assert hearing.decides(5.7).action == "silent"
    assert hearing.says(5.9, "could", final=True).decides(6.0).action == "resume"


def test_whoever_speaks_on_over_a_held_reply_gets_the_floor() -> None:
    hearing = Hearing()
    hearing.decides(4.0, speaking=True, since=3.0)
    hearing.starts(5.0).decides(5.1)
    hearing.says(5.4, "right")
    assert hearing.actions([5.5, 6.1, 6.3], speaking=False, held=True) == ["silent", "silent", "yield"]


def test_a_backchannel_is_due_in_a_pause_of_a_long_turn() -> None:
    hearing = Hearing().starts(1.0).stops(6.0).says(6.1, "and then we went to the", final=True)
    assert hearing.actions([6.1, 6.25, 6.4], patience=1.6) == ["silent", "backchannel", "silent"]
    short = Hearing().starts(1.0).stops(2.0).says(2.1, "and then we went to the", final=True)
    assert short.actions([2.1, 2.3, 2.5], patience=1.6) == ["silent", "silent", "silent"]


def test_a_sound_that_waits_is_spoken_of_when_it_is_quiet() -> None:
    crying = Sound(1.0, 0.5, 1.0, "baby crying", 0.9)
    hearing = Hearing()
    assert hearing.decides(1.2, noticed=crying).reason == "a sound: baby crying"
    hearing.starts(70.0)
    assert hearing.decides(70.4, noticed=crying).action == "silent"
    hearing.stops(71.0).says(71.1, "", final=True)
    assert hearing.actions([71.1, 71.4], noticed=crying) == ["silent", "respond"]
    assert hearing.decides(71.8, noticed=crying, speaking=True).action == "respond"
    assert hearing.decides(72.2, noticed=None).action == "silent"


def test_an_earlier_state_is_a_snapshot() -> None:
    hearing = Hearing().starts(1.0).says(1.5, "what time")
    hearing.decides(1.6)
    before = hearing.state
    hearing.stops(2.0).says(2.1, "what time is it", final=True)
    new = list(hearing.new)
    first = hearing.decides(2.6)
    again, _ = hearing.gate.read(new, hearing.situation, before)
    assert again == first
