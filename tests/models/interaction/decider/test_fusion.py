"""Gates of stated opinions, fused."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.interaction.decider.contract import BLOCK, Action, Situation, Verdict
from duplex.models.interaction.decider.fusion import FusedDecider, FusedState
from duplex.models.interaction.percepts import Percept

ACTIONS: tuple[Action, ...] = ("silent", "respond", "backchannel", "yield", "resume")


class Opinions:
    """A gate that says one thing after another; its state is how many it has said."""

    def __init__(self, name: str, said: Sequence[tuple[Action, float] | None]) -> None:
        self.name = name
        self.said = said
        self.read_percepts: list[int] = []

    def initial_state(self) -> int:
        return 0

    def read(self, percepts: Sequence[Percept], situation: Situation, state: int) -> tuple[Verdict | None, int]:
        self.read_percepts.append(len(percepts))
        said = self.said[min(state, len(self.said) - 1)]
        return (Verdict(*said, self.name) if said else None), state + 1


def decide(decider: FusedDecider, blocks: int, every: float = BLOCK) -> list[Verdict]:
    state, verdicts = decider.initial_state(), []
    for block in range(blocks):
        verdict, state = decider.step([], Situation((block + 1) * every), state)
        verdicts.append(verdict)
    return verdicts


def actions(*gates: Opinions, blocks: int = 1, **options: float) -> list[str]:
    return [verdict.action for verdict in decide(FusedDecider(gates, **options), blocks)]  # type: ignore[arg-type]


def test_the_first_gate_that_would_act_is_followed() -> None:
    gates = Opinions("token", [("yield", 0.9)]), Opinions("rules", [("respond", 1.0)])
    assert actions(*gates) == ["yield"]
    assert actions(*reversed(gates)) == ["respond"]
    assert actions(Opinions("token", [None]), Opinions("rules", [("respond", 1.0)])) == ["respond"]
    assert actions(Opinions("token", [None])) == ["silent"]


def test_sure_silence_overrules_what_comes_behind_it_unsure_silence_does_not() -> None:
    behind = Opinions("rules", [("respond", 1.0)])
    assert actions(Opinions("token", [("silent", 0.95)]), behind) == ["silent"]
    assert actions(Opinions("token", [("silent", 0.6)]), behind) == ["respond"]
    assert actions(Opinions("rules", [("silent", 1.0)]), Opinions("token", [("respond", 0.9)])) == ["respond"]


def test_unsure_scores_add_up_and_leak_away() -> None:
    unsure = Opinions("head", [("respond", 0.3)])
    assert actions(unsure, blocks=3) == ["silent", "silent", "respond"]  # 0.3, 0.45, 0.525
    assert actions(Opinions("head", [("respond", 0.2)]), blocks=50) == ["silent"] * 50
    now_and_then = Opinions("head", [("respond", 0.3), None, None])
    assert actions(now_and_then, blocks=3) == ["silent"] * 3


def test_after_an_action_nothing_but_giving_way_is_decided_for_a_block() -> None:
    said: list[tuple[Action, float]] = [("respond", 1.0)]
    fast = [verdict.action for verdict in decide(FusedDecider([Opinions("head", said)]), 5, every=0.16)]
    assert fast == ["respond", "silent", "silent", "respond", "silent"]
    said = [("respond", 1.0), ("yield", 1.0)]
    assert [v.action for v in decide(FusedDecider([Opinions("head", said)]), 2, every=0.1)] == ["respond", "yield"]


def test_every_gate_reads_every_percept_whoever_decides() -> None:
    gates = Opinions("token", [("yield", 0.9)]), Opinions("rules", [None])
    decider = FusedDecider(gates)
    decider.step([Percept(0.0, 0.0, 0.0)] * 3, Situation(0.4), decider.initial_state())
    assert [gate.read_percepts for gate in gates] == [[3], [3]]


def test_a_decider_needs_a_gate() -> None:
    with pytest.raises(ValueError, match="needs a gate"):
        FusedDecider([])


@given(
    st.lists(st.none() | st.tuples(st.sampled_from(ACTIONS), st.floats(0, 1)), min_size=1, max_size=12),
    st.lists(st.none() | st.tuples(st.sampled_from(ACTIONS), st.floats(0, 1)), min_size=1, max_size=12),
    st.integers(0, 11),
)
def test_a_snapshot_goes_on_as_the_stream_did(
    first: list[tuple[Action, float] | None], second: list[tuple[Action, float] | None], cut: int
) -> None:
    decider = FusedDecider([Opinions("token", first), Opinions("head", second)])
    state, kept = decider.initial_state(), decider.initial_state()
    told: list[Verdict] = []
    for block in range(12):
        if block == cut:
            kept = state
        verdict, state = decider.step([], Situation(block * 0.3), state)
        told.append(verdict)
    assert told[cut:] == _again(decider, kept, cut)
    assert all(isinstance(verdict.score, float) for verdict in told)


def _again(decider: FusedDecider, state: FusedState, cut: int) -> list[Verdict]:
    told = []
    for block in range(cut, 12):
        verdict, state = decider.step([], Situation(block * 0.3), state)
        told.append(verdict)
    return told
