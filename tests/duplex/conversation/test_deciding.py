"""The decider in the session: when it decides, what it is given, and what becomes of its decisions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest

from duplex import events as ev
from duplex.conversation.session import Session
from duplex.models.interaction.decider.contract import BLOCK, Action, Situation
from duplex.models.interaction.percepts import Percept, Sound, Words
from duplex.streaming.audio import SAMPLE_RATE
from duplex.testing import Answer, Playout, UserSpeech
from tests.duplex.conversation.deciders import PLAIN, Chosen, hold
from tests.duplex.conversation.test_percepts import PerceptSink

LONG = Answer("one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen")
ASKED = UserSpeech(0.5, 1.5, "what time is it")


def silent(percepts: Sequence[Percept], situation: Situation) -> Action:
    return "silent"


def told(playout: Playout, kind: type) -> list:
    return [event for event in playout.events if isinstance(event, kind)]


def kinds(playout: Playout) -> list[str]:
    return [decision.kind for decision in told(playout, ev.Decision)]


def test_every_block_is_decided_also_while_the_assistant_speaks() -> None:
    decider = Chosen(silent, 0.5)
    playout = hold([ASKED], [LONG], decider=decider)
    (reply,) = told(playout, ev.Reply)
    times = [situation.now for _, situation in decider.steps]
    blocks = [at for at in times if abs(at / BLOCK - round(at / BLOCK)) < 1e-9]
    assert len(blocks) == int(times[-1] / BLOCK)
    speaking = [situation for _, situation in decider.steps if situation.speaking]
    assert len(speaking) >= (reply.end - reply.start) / SAMPLE_RATE / BLOCK - 1
    assert all(LONG.text.endswith(situation.rest) for situation in speaking)
    left = [len(situation.rest.split()) for situation in speaking]
    assert left == sorted(left, reverse=True) and left[0] > 12 and left[-1] < 4


def test_onsets_and_last_words_are_decided_at_once() -> None:
    decider = Chosen(silent, 0.5)
    hold([ASKED], decider=decider)
    onset = next(at for at, (percepts, _) in enumerate(decider.steps) if percepts)
    percepts, situation = decider.steps[onset]
    assert situation.now - percepts[0].at < 0.02
    final = [
        (situation.now, words.at)
        for percepts, situation in decider.steps
        for words in percepts
        if isinstance(words, Words) and words.final
    ]
    assert all(now - at < 0.02 for now, at in final) and final


def test_a_slow_decider_drops_blocks_and_no_percept() -> None:
    """One decision takes a second of virtual time: it drains what has gathered, and hears everything in order."""
    fast, slow = Chosen(silent, 0.5), Chosen(silent, 0.5)
    sounds = [ASKED, UserSpeech(3.0, 3.3, "mhm")]
    sink = PerceptSink()
    quick = hold(sounds, [LONG], decider=fast)
    late = hold(sounds, [LONG], sink, decider=slow, cost=lambda name: 1.0 if name == "decide" else 0.0)
    read = [percept for percepts, _ in slow.steps for percept in percepts]
    assert read == sink.percepts[: len(read)] and len(sink.percepts) - len(read) < 5
    assert len(slow.steps) < len(fast.steps) / 2
    times = [situation.now for _, situation in slow.steps][:-2]  # the last ones come after the input
    assert all(after - before >= 0.97 for before, after in pairwise(times))
    assert without_decisions(quick) == without_decisions(late)


def without_decisions(playout: Playout) -> list[ev.Event]:
    return [e for e in playout.events if not isinstance(e, ev.SessionStarted | ev.Decided | ev.SessionEnded)]


def test_neither_a_slow_answer_nor_a_slow_voice_holds_up_deciding() -> None:
    decider = Chosen(silent, 0.5)
    sounds = [ASKED, UserSpeech(20.0, 20.5, "stop")]
    hold(sounds, [replace(LONG, ttft=6.0, gap=0.5)], decider=decider, cost=_speaking_costs)
    times = [situation.now for _, situation in decider.steps]
    assert max(after - before for before, after in pairwise(times)) <= BLOCK + 0.02
    assert any(situation.answering for _, situation in decider.steps)


def _speaking_costs(name: str) -> float:
    return 0.4 if name == "speak" else 0.0


def test_the_rules_decide_nothing_that_the_floor_would_not() -> None:
    sounds = [
        ASKED,
        UserSpeech(3.0, 3.3, "mhm"),
        UserSpeech(5.0, 5.4),
        UserSpeech(6.5, 7.6, "and what about the weather"),
        UserSpeech(12.0, 12.8, "set a timer for"),
        UserSpeech(13.4, 14.2, "ten minutes"),
    ]
    rules, nothing = hold(sounds, [LONG]), hold(sounds, [LONG], decider=Chosen(silent, 0.5))
    assert kinds(rules) == kinds(nothing)
    for early, late in zip(told(rules, ev.Decision), told(nothing, ev.Decision), strict=True):
        # It may be decided between two ticks of the floor, and over words that are true for longer now.
        assert 0 <= late.end - early.end <= 0.2 * SAMPLE_RATE
    for kind in (ev.Turn, ev.Reply):
        assert [each.text for each in told(rules, kind)] == [each.text for each in told(nothing, kind)]
    assert {"respond", "silent"} <= {event.action for event in told(rules, ev.Decided)}


def test_only_what_changes_or_acts_is_logged_unless_all_is_asked_for() -> None:
    few = told(hold([ASKED]), ev.Decided)
    assert all(after.acted or after.action != before.action for before, after in pairwise(few))
    playout = hold([ASKED], settings=PLAIN.with_values(log_decisions=True))
    assert len(told(playout, ev.Decided)) >= playout.events[-1].end / SAMPLE_RATE / BLOCK - 1


def test_a_decider_that_fails_takes_deciding_and_nothing_else() -> None:
    class Broken(Chosen):
        def step(self, *args: object) -> object:  # type: ignore[override]
            raise ZeroDivisionError("no such luck")

    playout = hold([ASKED], [LONG], decider=Broken(silent))
    lost = told(playout, ev.CapabilityLost)
    assert [(each.capability, each.reason) for each in lost] == [("deciding", "ZeroDivisionError: no such luck")]
    assert [reply.interrupted for reply in told(playout, ev.Reply)] == [False]


def test_a_decision_to_respond_comes_before_the_pause_is_over() -> None:
    hesitant = UserSpeech(0.5, 1.5, "set a timer for")

    def at_once(percepts: Sequence[Percept], situation: Situation) -> Action:
        return "respond" if any(isinstance(each, Words) and each.final for each in percepts) else "silent"

    decided = told(hold([hesitant], decider=Chosen(at_once, 0.8)), ev.Decision)
    waited = told(hold([hesitant]), ev.Decision)
    assert decided[0].kind == waited[0].kind == "endpoint"
    assert decided[0].end < waited[0].end - 0.5 * SAMPLE_RATE


def test_a_decision_to_yield_interrupts_and_one_to_resume_goes_on() -> None:
    def by(action: Action) -> Chosen:
        return Chosen(lambda _, situation: action if situation.speaking or situation.held else "silent", 0.8)

    over = UserSpeech(3.0, 4.6, "right yeah okay")
    playout = hold([ASKED, over], [LONG], decider=by("yield"))
    assert "barge_in" in kinds(playout)
    playout = hold([ASKED, UserSpeech(3.0, 4.6, "what about the weather")], [LONG], decider=by("resume"))
    assert kinds(playout)[:2] == ["endpoint", "false_interruption"]


@pytest.mark.parametrize("warn", [True, False])
def test_a_sound_that_matters_is_spoken_of_if_that_is_wanted(warn: bool) -> None:
    def hear(session: Session) -> None:
        session.host.perceive(Sound(0.0, 0.0, 0.4, "baby crying", 0.91))
        session.host.perceive(Sound(0.0, 0.0, 0.4, "rain", 0.99))

    playout = hold([], duration=4.0, meanwhile=hear, settings=PLAIN.with_values(warn_of_sounds=warn))
    assert [reply.text for reply in told(playout, ev.Reply)] == ["I hear a baby crying."] * warn
    acted = [(event.action, event.reason) for event in told(playout, ev.Decided) if event.acted]
    assert acted == [("respond", "a sound: baby crying")] * warn


@pytest.mark.parametrize("on", [True, False])
def test_the_assistants_backchannel_leaves_the_turn_to_the_user(on: bool) -> None:
    sounds = [UserSpeech(0.5, 6.0, "so yesterday we went to the"), UserSpeech(6.9, 8.0, "lake and swam")]
    floor = replace(PLAIN.floor, backchannels=on)
    playout = hold(sounds, [Answer("how nice")], settings=PLAIN.with_values(floor=floor))
    replies = [reply.text for reply in told(playout, ev.Reply)]
    assert replies == (["Mm-hm.", "how nice"] if on else ["how nice"])
    assert kinds(playout) == (["acknowledge", "endpoint"] if on else ["endpoint"])
    assert [turn.text for turn in told(playout, ev.Turn)] == ["so yesterday we went to the lake and swam"]


def test_an_assistant_that_only_listens_decides_nothing() -> None:
    decider = Chosen(silent)
    playout = hold([ASKED], decider=decider, settings=PLAIN.with_values(assistant=False))
    assert decider.steps == []
    assert [turn.text for turn in told(playout, ev.Turn)] == ["what time is it"]
