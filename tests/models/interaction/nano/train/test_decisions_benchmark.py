"""The benchmark of decisions: its rules decide as the floor's do, and its rows tell gates apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.nano.train.scoring import outcomes
from duplex.models.interaction.percepts import Activity, Percept, Sound, TimerDue, Words
from tests.benchmarks.decisions import Always, Rules, rows_of


def said(text: str, start: float = 1.0, side: bool = False) -> list[Percept]:
    """An utterance that ends a second later."""
    return [
        Words(start + 1.0, start, start + 1.0, "user", text, int(10 * start), 1, 0, True, side=side, complete=True),
        Activity(start + 1.2, start, start + 1.0, "user", False),
    ]


def decided(*blocks: tuple[list[Percept], Situation]) -> list[str]:
    gate = Rules()
    state, made = gate.initial_state(), []
    for percepts, situation in blocks:
        verdict, state = gate.read(percepts, situation, state)
        assert verdict is not None
        made.append(verdict.action)
    return made


def test_finished_words_are_answered_sooner_than_unfinished_ones() -> None:
    moments = [Situation(2.4), Situation(2.8), Situation(3.2), Situation(3.6), Situation(4.0)]
    for text, at in (("what time is it", 1), ("set a timer for", 3)):
        made = decided(*[(said(text) if moment.now == 2.4 else [], moment) for moment in moments])
        assert made.index("respond") == at, text


@pytest.mark.parametrize(
    ("percepts", "action"),
    [
        (said("okay"), "silent"),
        (said("look at that", side=True), "silent"),
        ([Sound(2.0, 1.0, 2.0, "alarm", 0.9)], "respond"),
        ([Sound(2.0, 1.0, 2.0, "alarm", 0.4)], "silent"),
        ([Sound(2.0, 1.0, 2.0, "rain", 0.9)], "silent"),
        ([TimerDue(2.0, 2.0, 2.0, "Your timer is over.")], "respond"),
    ],
)
def test_what_stands_alone(percepts: list[Percept], action: str) -> None:
    assert decided((percepts, Situation(2.4))) == [action]


@pytest.mark.parametrize(("text", "action"), [("yeah", "silent"), ("stop", "yield"), ("what about Rome", "yield")])
def test_speech_over_a_reply(text: str, action: str) -> None:
    onset = Activity(1.1, 1.0, 1.0, "user", True)
    begun = ([onset], Situation(1.2, speaking=True))
    assert decided(begun, (said(text), Situation(2.4, speaking=True)))[-1] == action


def test_what_was_said_before_the_reply_does_not_end_it() -> None:
    late = said("what time is it", start=0.0)
    reply = Situation(1.2, speaking=True, since=1.1)
    assert decided(([], reply), (late, replace(reply, now=1.6)))[-1] == "silent"


def test_rows_tell_gates_apart(simulation) -> None:
    rows = {
        gate.name: rows_of(outcomes(simulation, gate, 6)) for gate in (Always("silent"), Always("respond"), Rules())
    }
    assert rows["always silent"]["respond balanced %"] == "50.0"
    assert rows["always respond"]["takeover in pauses %"] == "100.0"
    assert float(rows["rules"]["respond f1 %"]) > float(rows["always respond"]["respond f1 %"])
