"""Simulated sessions: reproducible, true to what percepts promise, and fair to who decides."""

from __future__ import annotations

from collections import Counter

import pytest

from duplex.models.interaction.decider.contract import BLOCK
from duplex.models.interaction.nano.train.scoring import ASKS, quality, responding, yielding
from duplex.models.interaction.nano.train.streams import Simulation, teacher, wavering
from duplex.models.interaction.nano.train.texts import load_texts, split_of
from duplex.models.interaction.nano.train.world import Outcome
from duplex.models.interaction.percepts import Activity, OwnSpeech, Words

SEEDS = [f"seed {number}" for number in range(12)]


def played(simulation: Simulation, policy) -> list[Outcome]:
    return [outcome for seed in SEEDS for outcome in simulation.stream(seed, policy).outcomes]


def test_the_same_seed_gives_the_same_stream(simulation) -> None:
    for policy in (teacher, wavering):
        assert simulation.stream("a", policy).blocks == simulation.stream("a", policy).blocks
    assert simulation.stream("a").blocks != simulation.stream("b").blocks


def test_the_teacher_is_always_right(simulation) -> None:
    found = played(simulation, teacher)
    assert responding(found)["f1"] == yielding(found)["f1"] == quality(found) == 1.0
    assert all(outcome.delay is None or outcome.delay >= 0 for outcome in found)
    assert len({outcome.kind for outcome in found}) > 8


def test_a_mute_answers_nothing(simulation) -> None:
    found = played(simulation, lambda world, best: "silent")
    assert not any(outcome.acted for outcome in found)
    assert responding(found)["recall"] == 0.0 and responding(found)["balanced"] == 0.5


def test_a_chatterbox_is_early_everywhere(simulation) -> None:
    found = played(simulation, lambda world, best: "respond")
    assert responding(found)["recall"] == 1.0
    assert all(outcome.acted for outcome in found if outcome.kind in ("pause", "side speech", *ASKS))
    early = [outcome.delay < 0 for outcome in found if outcome.kind == "turn" and outcome.delay is not None]
    assert sum(early) > 0.8 * len(early)


def test_every_gate_meets_the_same_occasions(simulation) -> None:
    """A wrong decision has no consequence but that it is counted."""
    rash = lambda world, best: "yield" if world.situation.speaking and best == "silent" else best  # noqa: E731
    kinds = [Counter((o.kind, o.wanted) for o in played(simulation, policy)) for policy in (teacher, rash)]
    assert kinds[0]["turn", "respond"] == kinds[1]["turn", "respond"]


@pytest.mark.parametrize("seed", SEEDS)
def test_percepts_keep_their_promises(simulation, seed) -> None:
    revisions: dict[int, int] = {}
    said: dict[int, list[str]] = {}
    talking, before = False, 0.0
    for block in simulation.stream(seed).blocks:
        now = block.situation.now
        assert now == pytest.approx(before + BLOCK)
        assert list(block.percepts) == sorted(block.percepts, key=lambda percept: percept.at)
        for percept in block.percepts:
            assert percept.at <= now + 1e-9, "nothing is known before it is"
            if isinstance(percept, Words):
                assert percept.revision > revisions.get(percept.utterance, 0)
                revisions[percept.utterance] = percept.revision
                assert percept.end <= now
                said[percept.utterance] = percept.text.split()
            elif isinstance(percept, Activity):
                assert percept.active != talking
                talking = percept.active
        before = now


def test_a_reply_is_heard_word_by_word(simulation) -> None:
    blocks = simulation.stream("heard").blocks
    for place, block in enumerate(blocks):
        if block.action == "respond" and block.answer is not None:
            heard = []
            for later in blocks[place + 1 :]:
                heard += [word for p in later.percepts if isinstance(p, OwnSpeech) for word in p.text.split()]
                if later.action in ("respond", "yield"):
                    break
            words = block.answer.text.split()
            assert heard == words[: len(heard)]


def test_no_text_is_in_two_splits(data, monkeypatch) -> None:
    monkeypatch.setattr("duplex.models.interaction.nano.train.texts.ORDERS", 300)
    parts = [load_texts(data, split) for split in ("train", "valid", "test")]
    for kind in ("requests", "orders", "remarks"):
        sets = [set(getattr(part, kind)) for part in parts]
        assert all(sets) and not (sets[0] & sets[1] or sets[0] & sets[2] or sets[1] & sets[2])
    assert split_of("Play it!") == split_of("play it")


def test_a_lasting_session_begins_as_its_stream_does_and_goes_on(simulation: Simulation) -> None:
    first = simulation.stream("lasting").outcomes
    worlds = simulation.lasting("lasting", teacher)
    while (world := next(worlds)).now < 600:
        pass
    assert world.outcomes[: len(first)] == first and len(world.outcomes) > 10 * len(first)
    assert next(worlds) is world and world.now > 600
