"""The shipped weights on a few moments that nobody would get wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from duplex.models.interaction.decider.contract import BLOCK, Situation
from duplex.models.interaction.nano import load_nano
from duplex.models.interaction.nano.gate import NanoGate
from duplex.models.interaction.nano.train.scoring import outcomes, quality
from duplex.models.interaction.percepts import Activity, OwnSpeech, Percept, Sound, TimerDue, Words
from tests.benchmarks.decisions import Rules

IDLE = Situation(0.0)
SPEAKING = Situation(0.0, speaking=True)
REPLY = "I can set timers and reminders tell you the time and remember what you tell me"


@pytest.fixture(scope="module")
def nano() -> NanoGate:
    return load_nano()


def decided(nano: NanoGate, script: list[list[Percept]], situation: Situation = IDLE) -> list[str]:
    """Of a second of quiet, and the blocks after it."""
    state, made = nano.initial_state(), []
    for number, percepts in enumerate([[], [], *script]):
        verdict, state = nano.read(percepts, replace(situation, now=BLOCK * (number + 1)), state)
        assert verdict is not None
        made.append(verdict.action)
    return made


def said(text: str, *, side: bool = False, quiet: int = 4) -> list[list[Percept]]:
    """Two words a block, then so many blocks of silence."""
    words = text.split()
    blocks: list[list[Percept]] = [[Activity(1.0, 1.0, 1.0, "user", True)]]
    for end in range(2, len(words) + 2, 2):
        blocks.append([Words(2.0, 1.0, 2.0, "user", " ".join(words[:end]), 1, end, 0, False, side=side)])
    return [*blocks, [Activity(3.0, 1.0, 3.0, "user", False)], *[[]] * (quiet - 1)]


def replying(over: list[list[Percept]]) -> list[list[Percept]]:
    """A reply that goes on, and what is perceived over it from its third block on."""
    own = [[OwnSpeech(1.0, 1.0, 1.0, 1, word)] for word in REPLY.split()]
    return [blocks + more for blocks, more in zip(own, [[], [], [], *over, *[[]] * len(own)], strict=False)]


@pytest.mark.slow
def test_it_decides_better_than_the_rules(nano, simulation) -> None:
    """On sessions of texts that it has not seen, made of the words of its domains."""
    scores = {gate.name: quality(outcomes(simulation, gate, 30)) for gate in (nano, Rules())}
    assert scores["nano"] > scores["rules"]


def test_people_who_talk_to_each_other_are_left_alone(nano) -> None:
    assert "respond" not in decided(nano, said("I told you that we should leave earlier", side=True, quiet=6))


@pytest.mark.parametrize("text", ["stop", "wait a second", "no what about the weather in Rome"])
def test_a_barge_in_ends_the_reply(nano, text) -> None:
    assert "yield" in decided(nano, replying(said(text)), SPEAKING)


@pytest.mark.parametrize("text", ["mhm", "yeah"])
def test_a_backchannel_does_not(nano, text) -> None:
    assert "yield" not in decided(nano, replying(said(text)), SPEAKING)


def test_a_reply_alone_is_left_alone(nano) -> None:
    assert set(decided(nano, replying([]), SPEAKING)) == {"silent"}


def test_two_minutes_of_quiet(nano) -> None:
    assert set(decided(nano, [[]] * 300)) == {"silent"}


@pytest.mark.parametrize(
    ("percept", "told"),
    [
        (TimerDue(1.0, 1.0, 1.0, "Your timer is over."), True),
        (Sound(1.0, 1.0, 1.0, "alarm", 0.9), True),
        (Sound(1.0, 1.0, 1.0, "rain", 0.9), False),
        (Sound(1.0, 1.0, 1.0, "alarm", 0.25), False),
    ],
)
def test_what_is_told_unasked(nano, percept, told) -> None:
    assert ("respond" in decided(nano, [[percept], [], [], []])) == told
