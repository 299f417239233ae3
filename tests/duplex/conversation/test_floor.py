"""Every transition of the floor, by hand-made moments; and that nothing is left out."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.conversation.floor import Floor, effects, guards
from duplex.conversation.floor.actions import (
    Acknowledge,
    Action,
    Announce,
    Backchannel,
    CutIn,
    Decide,
    EndTurn,
    Interrupt,
    Resume,
    Suspend,
    TypedTurn,
    Withdraw,
)
from duplex.conversation.floor.table import RULES, Rule, State
from duplex.floor_settings import FloorSettings
from duplex.models.interaction.decider.contract import Verdict

RATE = 16_000
SCORES = {"the": 0.1, "maybe": 0.5, "please": 0.95}
"""How finished a text with this last word looks; any other looks finished."""


class Scene:
    """A floor and a hand to play it: times in seconds, everything that was done is kept."""

    def __init__(self, **settings: float | bool) -> None:
        self.floor = Floor(
            FloorSettings(**settings),  # type: ignore[arg-type]
            is_backchannel=lambda text: bool(text) and set(text.split()) <= {"mhm", "yeah", "right"},
            asks_for_floor=lambda text: "stop" in text or "wait" in text,
        )
        self.actions: list[Action] = []
        self.fired: list[Rule] = []
        self.now = 0.0
        self.offset = 0.0
        self.onset = 0.0

    def _fire(self, method: str, *args: object, **kwargs: object) -> Scene:
        before, self.floor.last_rule = self.floor.last_rule, None
        self.actions += getattr(self.floor, method)(round(self.now * RATE), *args, **kwargs)
        if self.floor.last_rule is None:
            self.floor.last_rule = before
        else:
            self.fired.append(self.floor.last_rule)
        return self

    def starts(self, party: str = "user") -> Scene:
        self.onset = self.now
        self.floor.utterance_opened()
        return self._fire("speech_started", round(self.onset * RATE), party)

    def stops(self, party: str = "user") -> Scene:
        self.offset = self.now
        return self._fire("speech_ended", round(self.offset * RATE), party)

    def says(self, text: str, *, final: bool = False, party: str = "user") -> Scene:
        at = round(self.now * RATE)
        self._fire("words", party, text, onset=round(self.onset * RATE), end=at, final=final)
        whole = self.floor.text
        self.floor.scored(whole, SCORES.get((whole.split() or [""])[-1], 0.8))
        return self

    def waits(self, seconds: float) -> Scene:
        end = self.now + seconds
        while self.now < end - 1e-9:
            self.now += 0.02
            self._fire("tick")
        return self

    def audible(self) -> Scene:
        return self._fire("reply_audible", self.floor.epoch)

    def ended(self) -> Scene:
        return self._fire("reply_ended", self.floor.epoch)

    def announces(self, *, urgent: bool = False) -> Scene:
        self.floor.announce(self.floor.announcements + 1, self.floor.urgent + urgent)
        return self

    def asks(self, text: str = "what time is it") -> Scene:
        """A whole turn; the assistant then thinks."""
        self.starts().waits(1.0).says(text).stops().says(text, final=True).waits(0.5)
        assert self.floor.state is State.THINKING
        return self

    def speaks(self) -> Scene:
        """The assistant is audible, and has been for a second."""
        self.asks().audible().waits(1.0)
        assert self.floor.state is State.SPEAKING
        return self

    def held(self) -> Scene:
        self.speaks().starts().waits(0.2)
        assert self.floor.state is State.SUSPENDED
        return self

    def decides(self, action: str, score: float = 1.0, late: float = 0.0) -> Scene:
        """The decider's decision on what there was `late` seconds ago."""
        verdict = Verdict(action, score, "test")  # type: ignore[arg-type]
        return self._fire("decided", verdict, round((self.now - late) * RATE))

    def types(self, text: str = "and in Rome", party: str = "user") -> Scene:
        self.floor.typed(round(self.now * RATE), party, text)
        return self.waits(0.02)

    def typed(self) -> list[tuple[int, list[str], list[str]]]:
        """(turn, what had been said, the messages) of each typed turn."""
        return [
            (each.turn, [text for _, text, _, _ in each.texts], [message.text for message in each.messages])
            for each in self.of(TypedTurn)
            if isinstance(each, TypedTurn)
        ]

    def kinds(self) -> list[str]:
        return [action.kind for action in self.actions if isinstance(action, Decide)]

    def of(self, kind: type) -> list[Action]:
        return [action for action in self.actions if isinstance(action, kind)]


def test_an_endpoint_ends_the_turn() -> None:
    scene = Scene().asks()
    assert scene.kinds() == ["endpoint"]
    (turn,) = scene.of(EndTurn)
    assert isinstance(turn, EndTurn)
    assert (turn.turn, turn.epoch, turn.limited) == (1, 1, False)
    assert [(party, text) for party, text, _, _ in turn.texts] == [("user", "what time is it")]


def test_a_turn_need_not_wait_for_its_utterance_if_all_of_it_was_heard() -> None:
    scene = Scene().starts().waits(0.5).stops()
    scene.says("it is late please").waits(0.4)
    assert scene.floor.state is State.PAUSING  # the recognizer may not have reached the end
    scene.floor.caught_up(round(scene.now * RATE))
    scene.waits(0.02)
    assert scene.floor.state is State.THINKING
    ended = scene.actions[-1]
    assert isinstance(ended, EndTurn) and ended.texts[0][1] == "it is late please"


def test_what_was_heard_before_the_user_went_on_is_not_all() -> None:
    scene = Scene().starts().waits(0.5)
    scene.floor.caught_up(round(scene.now * RATE))
    scene.says("it is late please").waits(0.3).stops().waits(1.0)
    assert scene.floor.state is State.PAUSING
    assert scene.says("it is late please come", final=True).waits(0.5).floor.state is State.THINKING


def test_two_open_utterances_are_both_waited_for() -> None:
    scene = Scene().starts("ann").starts("bob").waits(0.5).stops("ann").stops("bob")
    scene.says("it is late please", party="ann").floor.caught_up(round(scene.now * RATE))
    assert scene.waits(1.0).floor.state is State.PAUSING


@pytest.mark.parametrize("final", ["it is late please", ""])
def test_a_turn_that_goes_on_keeps_the_words_of_its_open_utterance(final: str) -> None:
    scene = Scene().starts().waits(0.5).stops().says("it is late please")
    scene.floor.caught_up(round(scene.now * RATE))
    scene.waits(0.3)
    assert scene.floor.state is State.THINKING
    scene.says(final, final=True).waits(0.1).starts().waits(0.3).stops().says("and dark", final=True)
    assert scene.floor.text == "it is late please and dark"


@pytest.mark.parametrize(
    ("text", "limit"), [("it is late please", 0.25), ("it is late", 0.45), ("well maybe", 0.8), ("what is the", 1.6)]
)
def test_the_pause_limit_depends_on_the_words(text: str, limit: float) -> None:
    scene = Scene().starts().waits(0.5).stops().says(text, final=True).waits(limit - 0.04)
    assert scene.floor.state is State.PAUSING
    assert scene.waits(0.06).floor.state is State.THINKING


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_the_pause_never_grows_with_the_score(one: float, other: float) -> None:
    settings = FloorSettings()
    low, high = sorted((one, other))
    assert settings.pause_long >= settings.pause(low) >= settings.pause(high) >= settings.pause_sure
    assert abs(settings.pause(low) - settings.pause(high)) <= 8.0 * (high - low) + 1e-9  # and has no steps


def test_the_pause_passes_through_the_four_settings() -> None:
    settings = FloorSettings(pause_sure=0.2, pause_short=0.4, pause_medium=0.9, pause_long=2.0)
    assert [settings.pause(score) for score in (0.3, 0.5, 0.7, 1.0)] == pytest.approx([2.0, 0.9, 0.4, 0.2])
    assert FloorSettings(pause_sure=0.6).pause(1.0) == FloorSettings().pause_short


def test_a_hesitation_does_not_end_the_turn() -> None:
    scene = Scene().starts().waits(0.5).says("what is the", final=True).stops().waits(1.2)
    assert scene.starts().floor.state is State.HEARING
    scene.waits(0.5).stops().says("time", final=True).waits(0.5)
    (turn,) = scene.of(EndTurn)
    assert isinstance(turn, EndTurn)
    assert turn.texts[0][1] == "what is the time"


def test_the_last_words_are_waited_for_but_not_for_ever() -> None:
    scene = Scene().starts().waits(0.5).says("stop it").stops().waits(7.9)
    assert scene.floor.state is State.PAUSING
    assert scene.waits(0.15).floor.state is State.THINKING
    assert "the recognizer had not reached their end" in scene.of(Decide)[-1].reason


def test_words_that_come_after_the_turn_was_given_up_are_answered_all_the_same() -> None:
    scene = Scene().starts().waits(1.0).stops().waits(8.1)
    assert (scene.kinds(), scene.floor.state) == (["nothing_said"], State.LISTENING)
    assert "had not reached the sound" in scene.of(Decide)[-1].reason
    scene.says("what time is it", final=True).waits(0.1)
    assert scene.kinds()[-1] == "endpoint"
    assert scene.of(EndTurn)[-1].texts[0][1] == "what time is it"


def test_a_late_backchannel_opens_no_turn() -> None:
    scene = Scene().starts().waits(0.3).stops().waits(8.1).says("mhm", final=True).waits(1.0)
    assert (scene.kinds(), scene.floor.state) == (["nothing_said"], State.LISTENING)


def test_words_that_have_not_been_scored_wait_the_medium_pause() -> None:
    scene = Scene().starts().waits(1.0)
    scene._fire("words", "user", "set a timer", onset=0, end=16_000, final=True)
    scene.stops().waits(0.7)
    assert scene.floor.state is State.PAUSING
    assert scene.waits(0.2).floor.state is State.THINKING
    assert "not scored in time" in scene.of(Decide)[-1].reason


def test_what_is_urgent_cuts_in_on_a_reply_and_what_is_not_waits() -> None:
    scene = Scene()
    scene.asks()
    reply = scene.audible().floor.epoch
    scene.announces().waits(1.0)
    assert not scene.of(CutIn)
    scene.announces(urgent=True).waits(0.02)
    (cut_in,) = scene.of(CutIn)
    assert cut_in.epoch > reply == scene.floor.epoch
    assert (scene.floor.announcements, scene.floor.urgent, scene.floor.state) == (1, 0, State.SPEAKING)
    scene.ended().waits(0.4)
    (announce,) = scene.of(Announce)
    assert announce.epoch > cut_in.epoch


def test_activity_without_words_is_forgotten() -> None:
    scene = Scene().starts().waits(0.3).stops().says("", final=True).waits(0.9)
    assert scene.kinds() == ["nothing_said"]
    assert scene.floor.state is State.LISTENING
    assert not scene.of(EndTurn)


def test_a_turn_that_goes_on_withdraws_the_reply_and_keeps_its_number_and_words() -> None:
    scene = Scene().asks("convert ten miles").starts()
    assert scene.floor.state is State.HEARING
    assert scene.of(Withdraw) == [Withdraw(1)]
    scene.waits(0.5).stops().says("to kilometers", final=True).waits(0.5)
    first, second = scene.of(EndTurn)
    assert isinstance(first, EndTurn) and isinstance(second, EndTurn)
    assert first.turn == second.turn == 1
    assert second.texts[0][1] == "convert ten miles to kilometers"
    assert second.epoch > first.epoch


def test_who_speaks_just_as_the_reply_begins_had_not_finished() -> None:
    scene = Scene().asks("convert ten miles").audible().waits(0.2).starts().waits(0.8).says("to kilometers")
    assert "go_on" in scene.kinds()
    scene.stops().says("to kilometers", final=True).waits(0.5)
    last = scene.of(EndTurn)[-1]
    assert isinstance(last, EndTurn)
    assert (last.turn, last.texts[0][1]) == (1, "convert ten miles to kilometers")


def test_words_are_heard_whose_onset_was_known_only_after_the_endpoint() -> None:
    scene = Scene().asks("what is ten miles").audible()
    before = scene.now
    scene.now -= 0.04
    scene.floor.utterance_opened()
    scene.onset = scene.now
    scene.now = before + 0.04
    scene._fire("speech_started", round(scene.onset * RATE), "user")
    scene.waits(0.8).says("in kilometers")
    assert "go_on" in scene.kinds()


def test_a_barge_in_holds_the_reply_at_once_and_drops_it_when_there_are_words() -> None:
    scene = Scene().held()
    assert scene.of(Suspend) and not scene.of(Interrupt)
    scene.waits(0.8).says("no wait")
    assert scene.floor.state is State.HEARING
    assert scene.kinds()[-1] == "barge_in"
    assert scene.of(Interrupt) == [Interrupt(1, round(scene.onset * RATE))]


def test_a_short_stop_takes_the_floor_when_its_word_is_final() -> None:
    scene = Scene().speaks().starts().waits(0.1).stops().waits(0.3).says("stop", final=True)
    assert scene.floor.state is State.PAUSING
    assert scene.kinds()[-1] == "barge_in"


def test_words_that_are_final_before_the_reply_is_held_take_the_floor() -> None:
    scene = Scene().speaks().starts().waits(0.1).says("no wait", final=True)
    assert scene.floor.state is State.HEARING
    assert scene.of(Interrupt) and not scene.of(Suspend)


def test_two_words_may_still_become_a_backchannel() -> None:
    scene = Scene().held().says("right and")
    assert scene.floor.state is State.SUSPENDED
    scene.waits(0.2).stops().waits(0.2).says("right", final=True).waits(0.04)
    assert scene.kinds()[-1] == "backchannel"


def test_a_word_that_is_final_after_a_hold_takes_the_floor() -> None:
    scene = Scene().held().stops().waits(0.1).says("stop", final=True)
    assert scene.floor.state is State.PAUSING


def test_who_speaks_while_the_assistant_thinks_over_an_endless_turn_is_heard_out() -> None:
    scene = Scene(turn_limit=2.0).starts().waits(1.0).says("one two").waits(1.1)
    assert scene.ended().floor.state is State.HEARING
    scene = Scene(turn_limit=2.0).starts().waits(1.0).says("one two").waits(1.1)
    scene.onset = scene.now
    assert scene.says("three four").stops().ended().floor.state is State.PAUSING


def test_one_word_of_a_partial_is_not_enough() -> None:
    assert Scene().held().says("stop").floor.state is State.SUSPENDED


def test_a_backchannel_leaves_the_floor_and_the_reply_goes_on() -> None:
    scene = Scene().held().waits(0.2).stops().waits(0.3).says("mhm", final=True).waits(0.04)
    assert scene.floor.state is State.SPEAKING
    assert scene.kinds()[-1] == "backchannel"
    assert scene.of(Resume) == [Resume(1)]
    assert [action.text for action in scene.actions if isinstance(action, Backchannel)] == ["mhm"]
    assert not scene.of(Interrupt)


def test_a_very_short_backchannel_does_not_even_hold_it() -> None:
    scene = Scene().speaks().starts().waits(0.1).stops().waits(0.3).says("mhm", final=True).waits(0.04)
    assert scene.floor.state is State.SPEAKING
    assert not scene.of(Suspend) and not scene.of(Resume)


def test_a_cough_is_a_false_interruption() -> None:
    scene = Scene().held().waits(0.1).stops().waits(0.3).says("", final=True).waits(0.04)
    assert scene.floor.state is State.SPEAKING
    assert scene.kinds()[-1] == "false_interruption"
    assert scene.of(Resume) == [Resume(1)]


def test_a_cough_that_was_taken_for_a_word_is_still_a_cough() -> None:
    scene = Scene().held().waits(0.1).stops().waits(0.3).says("hot", final=True).waits(0.04)
    assert scene.floor.state is State.SPEAKING
    assert scene.kinds()[-1] == "false_interruption"


def test_noise_without_end_does_not_hold_the_reply_for_ever() -> None:
    scene = Scene().held().waits(2.0)
    assert scene.floor.state is State.SPEAKING
    assert scene.kinds()[-1] == "false_interruption"


def test_words_out_of_a_long_noise_still_take_the_floor() -> None:
    scene = Scene().held().waits(2.0).says("listen to me")
    assert scene.floor.state is State.HEARING
    scene = Scene().held().waits(2.0).stops().says("listen", final=True)
    assert scene.floor.state is State.PAUSING


def test_who_insists_takes_the_floor_even_with_backchannels() -> None:
    scene = Scene().held().waits(0.4).says("yeah right yeah").waits(1.0)
    assert scene.floor.state is State.HEARING


def test_a_user_who_never_stops_is_answered_at_the_limit() -> None:
    scene = Scene(turn_limit=5.0).starts().waits(4.0).says("and then and then").waits(1.1)
    assert scene.floor.state is State.THINKING
    (turn,) = scene.of(EndTurn)
    assert isinstance(turn, EndTurn) and turn.limited
    scene.audible().waits(1.0).says("and so on and on")  # still the old breath: no challenge, no barge-in
    assert scene.floor.state is State.SPEAKING
    assert scene.ended().floor.state is State.HEARING


def test_noise_alone_never_reaches_the_turn_limit() -> None:
    assert Scene(turn_limit=5.0).starts().waits(8.0).floor.state is State.HEARING


def test_what_is_said_over_a_reply_that_ends_is_a_turn() -> None:
    scene = Scene().speaks().starts().waits(0.06).ended()
    assert scene.floor.state is State.HEARING
    scene = Scene().speaks().starts().waits(0.06).stops().ended()
    assert scene.floor.state is State.PAUSING
    scene.says("thanks", final=True).waits(0.6)
    assert scene.floor.state is State.THINKING


def test_a_held_reply_can_end_too() -> None:
    assert Scene().held().ended().floor.state is State.HEARING
    assert Scene().held().stops().ended().floor.state is State.PAUSING


def test_words_after_the_limit_are_answered_after_the_reply() -> None:
    scene = Scene(turn_limit=2.0).starts().waits(1.0).says("one two").waits(1.1).audible()
    scene.onset = scene.now
    scene.says("three four").stops().ended()
    assert scene.floor.state is State.PAUSING


def test_the_reply_ends_and_nobody_has_the_floor() -> None:
    assert Scene().speaks().ended().floor.state is State.LISTENING
    assert Scene().asks().ended().floor.state is State.LISTENING  # nothing to say


def test_an_announcement_waits_for_the_floor_and_a_breath() -> None:
    scene = Scene().waits(1.0).starts().waits(0.5).announces().waits(0.5)
    assert not scene.of(Announce)
    scene.stops().says("so it goes", final=True).waits(0.6)
    assert scene.floor.state is State.THINKING and not scene.of(Announce)
    scene.ended().waits(0.2)
    assert not scene.of(Announce)
    assert scene.waits(0.2).of(Announce) == [Announce(scene.floor.epoch)]


def test_speech_withdraws_an_announcement_that_is_not_yet_audible() -> None:
    scene = Scene().waits(1.0).announces().waits(0.1).starts()
    assert scene.of(Withdraw) and scene.floor.state is State.HEARING


def test_interruptions_can_be_forbidden() -> None:
    scene = Scene(interruptions=False).speaks().starts().waits(3.0).says("stop it now")
    assert scene.floor.state is State.SPEAKING
    assert not scene.of(Suspend) and not scene.of(Interrupt)


def test_stale_epochs_change_nothing() -> None:
    scene = Scene().held().waits(0.8).says("no wait")
    assert scene.floor.reply_ended(round(scene.now * RATE), 1) == []
    assert scene.floor.reply_audible(round(scene.now * RATE), 1) == []
    assert scene.floor.state is State.HEARING


def test_two_parties_end_one_turn_together() -> None:
    scene = Scene().starts("left").waits(0.3).says("good morning", final=True, party="left")
    scene.starts("right").waits(0.2).stops("left").waits(1.0)
    assert scene.floor.state is State.HEARING
    scene.says("morning", final=True, party="right").stops("right").waits(0.5)
    (turn,) = scene.of(EndTurn)
    assert isinstance(turn, EndTurn)
    assert [party for party, *_ in turn.texts] == ["left", "right"]


def test_what_is_typed_is_a_turn_at_once() -> None:
    scene = Scene().types("what time is it")
    assert scene.floor.state is State.THINKING
    assert scene.typed() == [(1, [], ["what time is it"])]
    assert scene.kinds() == ["typed"]


def test_what_is_typed_in_a_pause_ends_the_turn_with_what_was_said() -> None:
    scene = Scene().starts().waits(0.5).says("what is the", final=True).stops().waits(0.3).types()
    assert scene.typed() == [(2, ["what is the"], ["and in Rome"])]
    assert not scene.of(EndTurn)


def test_what_is_typed_waits_until_speech_is_over_but_not_for_a_noise() -> None:
    scene = Scene().starts().waits(0.5).says("what is the").types().waits(3.0)
    assert scene.floor.state is State.HEARING
    scene.says("what is the time", final=True).stops().waits(0.02)
    assert scene.typed() == [(2, ["what is the time"], ["and in Rome"])]
    scene = Scene().starts().waits(0.5).stops().types().waits(0.5)
    assert not scene.typed()  # the recognizer has not said its last word
    assert scene.says("what is the", final=True).waits(0.02).typed() == [(2, ["what is the"], ["and in Rome"])]
    scene = Scene().starts().waits(0.5).types()
    assert scene.floor.state is State.HEARING
    assert scene.waits(2.0).floor.state is State.THINKING


def test_what_is_typed_while_the_assistant_thinks_is_answered_with_the_turn_before() -> None:
    scene = Scene().asks().types()
    assert len(scene.of(Withdraw)) == 1
    assert scene.typed() == [(2, ["what time is it"], ["and in Rome"])]
    scene.types("and in Oslo")
    assert scene.typed()[1] == (3, [], ["and in Rome", "and in Oslo"])
    assert [message.told for message in scene.of(TypedTurn)[1].messages] == [True, False]  # type: ignore[attr-defined]


def test_what_is_typed_takes_back_an_announcement_that_is_not_audible() -> None:
    scene = Scene().waits(1.0).announces().waits(0.1).types()
    assert scene.of(Withdraw)
    assert scene.typed() == [(1, [], ["and in Rome"])]


def test_what_is_typed_interrupts_a_reply() -> None:
    for scene in (
        Scene().speaks(),
        Scene().speaks().starts().waits(0.04),
        Scene().speaks().starts().waits(0.04).stops(),
        Scene().held(),
        Scene().held().stops(),
    ):
        epoch = scene.floor.epoch
        scene.types().waits(0.02)
        if scene.floor.state is State.HEARING:
            scene.stops()
        if not scene.typed():
            scene.says("", final=True).waits(0.02)
        assert [each.epoch for each in scene.of(Interrupt)] == [epoch]  # type: ignore[attr-defined]
        assert scene.typed() == [(2, [], ["and in Rome"])]
        assert scene.floor.state is State.THINKING


def test_what_is_typed_waits_for_the_end_of_a_reply_that_must_not_be_interrupted() -> None:
    scene = Scene(interruptions=False).speaks().types().waits(1.0)
    assert scene.floor.state is State.SPEAKING
    assert scene.ended().waits(0.02).typed() == [(2, [], ["and in Rome"])]


def test_a_sound_before_the_answer_does_not_lose_what_was_typed() -> None:
    scene = Scene().types().starts().waits(0.3).stops().says("", final=True).waits(0.5)
    assert scene.typed() == [(1, [], ["and in Rome"])] * 2
    assert scene.floor.state is State.THINKING
    scene.audible().starts().waits(1.0).says("wait no")
    assert "barge_in" in scene.kinds()
    assert "go_on" not in scene.kinds()
    assert len(scene.typed()) == 2


# Decisions of the decider.


def test_a_decision_to_respond_need_not_wait_for_the_pause() -> None:
    scene = Scene().starts().waits(1.0).stops().says("what is the", final=True).waits(0.2)
    assert scene.decides("respond").floor.state is State.THINKING
    assert scene.kinds() == ["endpoint"]


def test_a_decision_to_respond_waits_for_the_words() -> None:
    scene = Scene().starts().waits(1.0).stops().says("what is the").waits(0.2)
    assert scene.decides("respond").floor.state is State.PAUSING


@pytest.mark.parametrize("action", ["respond", "silent", "backchannel"])
def test_a_decision_from_before_the_user_went_on_changes_nothing(action: str) -> None:
    scene = Scene(backchannels=True).starts().waits(1.0).stops().says("what is the", final=True).waits(0.2)
    scene.starts().waits(0.2).stops().says("time", final=True).waits(0.1)
    before = scene.actions[:]
    assert scene.decides(action, late=0.4).actions == before
    assert scene.waits(0.4).floor.state is State.THINKING


def test_a_sure_decision_to_stay_silent_prolongs_this_silence_only() -> None:
    scene = Scene().starts().waits(1.0).stops().says("what time is it", final=True).waits(0.2)
    scene.decides("silent", 0.95).waits(1.3)
    assert scene.floor.state is State.PAUSING
    assert scene.waits(0.2).floor.state is State.THINKING
    scene.starts().waits(0.5).stops().says("please", final=True).waits(0.4)
    assert scene.floor.state is State.THINKING


def test_an_unsure_decision_to_stay_silent_prolongs_nothing() -> None:
    scene = Scene().starts().waits(1.0).stops().says("what time is it", final=True).waits(0.2)
    assert scene.decides("silent", 0.8).waits(0.4).floor.state is State.THINKING


def test_a_backchannel_of_the_assistant_leaves_the_floor_to_the_user() -> None:
    scene = Scene(backchannels=True).starts().waits(5.0).says("so the").decides("backchannel")
    assert scene.stops().waits(0.2).decides("backchannel").floor.state is State.PAUSING
    first, second = scene.of(Acknowledge)
    assert isinstance(first, Acknowledge) and isinstance(second, Acknowledge)
    assert first.epoch != second.epoch
    assert scene.floor.reply_audible(round(scene.now * RATE), second.epoch) == []
    assert scene.floor.state is State.PAUSING


def test_backchannels_are_off_unless_asked_for() -> None:
    assert not Scene().starts().waits(5.0).decides("backchannel").actions


def test_a_decision_to_yield_takes_words_over_the_reply_for_a_turn() -> None:
    scene = Scene().speaks().starts().waits(0.1).says("mhm").decides("yield")
    assert scene.floor.state is State.HEARING
    assert scene.of(Interrupt)
    scene = Scene().held().says("mhm").decides("yield")
    assert scene.floor.state is State.HEARING
    scene = Scene().held().says("mhm").stops().decides("yield")
    assert scene.floor.state is State.PAUSING
    scene = Scene().speaks().starts().waits(0.1).says("mhm").stops().decides("yield")
    assert scene.floor.state is State.PAUSING
    scene = Scene().speaks().starts().waits(0.1).decides("resume").says("go").decides("yield")
    assert scene.floor.state is State.HEARING


def test_a_decision_to_yield_without_words_holds_the_reply_only() -> None:
    scene = Scene().speaks().starts().waits(0.1).decides("yield")
    assert scene.floor.state is State.SUSPENDED
    assert not scene.of(Interrupt)
    assert not Scene().speaks().decides("yield").of(Interrupt)


def test_a_decision_to_resume_lets_pass_what_is_said() -> None:
    scene = Scene().held().says("hand me the salt").decides("resume")
    assert scene.floor.state is State.SPEAKING and scene.of(Resume)
    scene = Scene().held().stops().starts().decides("resume", late=0.2)
    assert scene.floor.state is State.SUSPENDED  # somebody has begun to speak since


def test_every_rule_is_fired_by_some_test_here(monkeypatch: pytest.MonkeyPatch) -> None:
    fired: set[Rule] = set()
    init = Scene.__init__

    def watch(self: Scene, **settings: float | bool) -> None:
        init(self, **settings)
        scenes.append(self)

    scenes: list[Scene] = []
    monkeypatch.setattr(Scene, "__init__", watch)
    for name, test in list(globals().items()):
        if name.startswith("test_") and not test.__code__.co_argcount and "given" not in repr(test):
            test()
    for scene in scenes:
        fired |= set(scene.fired)
    assert [rule for rule in RULES if rule not in fired] == []


def test_every_guard_and_effect_is_of_the_table():
    used = {guards: {n for rule in RULES for n in rule.guards}, effects: {n for rule in RULES for n in rule.actions}}
    for module, named in used.items():
        own = {name for name, each in vars(module).items() if getattr(each, "__module__", "") == module.__name__}
        assert named == {name for name in own if not name.startswith("_")}


def test_the_documents_table_is_the_rules() -> None:
    text = (Path(__file__).parents[3] / "docs" / "floor.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+) \| ([\w ]+) \| ([^|]*) \| ([^|]*) \| (\w+) \|$", text, re.M)
    shown = [tuple(cell.strip() for cell in row) for row in rows if row[0] != "state"]
    assert shown == [
        (r.state, r.trigger, " ".join(r.guards) or "–", " ".join(r.actions) or "–", r.target) for r in RULES
    ]


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["starts", "stops", "says", "final", "waits", "audible", "ended", "announces", "types", "decides"]
        ),
        st.sampled_from(["mhm", "no wait", "what is the", "", "respond", "yield", "resume", "silent"]),
        st.floats(0.02, 3.0),
    ),
    max_size=40,
)


@given(EVENTS)
def test_the_floor_never_speaks_over_itself_and_never_sticks(events: list[tuple[str, str, float]]) -> None:
    """Whatever comes in whatever order: one reply at a time, and silence always leads back to listening."""
    scene = Scene(turn_limit=4.0)
    talking = False
    for kind, text, seconds in events:
        if kind == "starts" and not talking:
            talking = bool(scene.starts())
        elif kind == "stops" and talking:
            scene.stops()
            talking = False
        elif kind in ("says", "final"):
            scene.says(text, final=kind == "final")
        elif kind == "waits":
            scene.waits(seconds)
        elif kind == "announces":
            scene.announces()
        elif kind == "types":
            scene.types(text or "hello")
        elif kind == "decides":
            scene.decides(text, late=seconds / 4)
        elif kind == "audible" and scene.floor.state is State.THINKING:
            scene.audible()
        elif kind == "ended" and scene.floor.state in (State.THINKING, State.SPEAKING, State.OVERLAP):
            scene.ended()
    if talking:
        scene.stops()
    for _ in range(6):
        scene.waits(4.0)
        if scene.floor.state in (State.THINKING, State.SPEAKING):
            scene.ended()
    assert scene.floor.state is State.LISTENING
    assert scene.floor.announcements == 0
    epochs = [a.epoch for a in scene.actions if isinstance(a, EndTurn | Announce)]
    assert epochs == sorted(set(epochs))
    held = [a for a in scene.actions if isinstance(a, Suspend | Resume | Interrupt)]
    for before, after in itertools.pairwise(held):
        assert not (isinstance(before, Suspend) and isinstance(after, Suspend) and before.epoch == after.epoch)


def test_a_spotted_command_takes_the_floor_though_its_words_are_not_final() -> None:
    scene = Scene().speaks()
    scene.starts()
    scene.waits(0.3)
    scene._fire("command", "user", "stop", onset=round(scene.onset * RATE), end=round(scene.now * RATE))
    assert scene.floor.state is State.HEARING
    assert "barge_in" in scene.kinds()
    assert scene.floor.text == "stop"


def test_a_command_that_commands_nothing_is_left_to_the_recognizer() -> None:
    scene = Scene()
    scene.starts()
    scene._fire("command", "user", "stop", onset=round(scene.onset * RATE), end=round(scene.now * RATE))
    assert (scene.floor.state, scene.floor.text) == (State.HEARING, "")
