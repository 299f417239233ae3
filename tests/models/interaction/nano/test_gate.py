"""The gate over an exported graph: the same whatever the blocks, bounded, and never an impossible decision."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from duplex.models.interaction.decider.contract import Situation
from duplex.models.interaction.nano import load_nano
from duplex.models.interaction.nano.gate import NanoGate, allowed
from duplex.models.interaction.nano.graph import GRAPH, SETTINGS, NanoGraph, without
from duplex.models.interaction.nano.train.streams import teacher
from duplex.models.interaction.nano.vocabulary import ACTIONS, Vocabulary
from duplex.streaming.errors import ModelError

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def graph(exported) -> NanoGraph:
    return NanoGraph(exported)


def test_the_graph_is_a_llama(graph, tensors) -> None:
    torch = pytest.importorskip("torch")
    from duplex.models.interaction.nano.train.training import new_model
    from tests.models.interaction.nano.conftest import SMALL

    model = new_model(SMALL).eval()
    model.load_state_dict(tensors, strict=False)
    ids = list(np.random.default_rng(0).integers(4, SMALL.vocabulary, 40))
    with torch.no_grad():
        whole = model(input_ids=torch.tensor([ids])).logits[0].numpy()
    cache, place = graph.initial_cache(), 0
    for size in (1, 4, 1, 9, 2, 23):
        logits, cache = graph.step(ids[place : place + size], cache)
        place += size
        np.testing.assert_allclose(logits, whole[place - 1], atol=2e-4, rtol=1e-4)


def test_evicted_entries_leave_no_gap(graph) -> None:
    """Without the first layer's later context, what stays is as if what went had never been: one layer is exact."""
    _, cache = graph.step([5, 40, 41, 42, 43, 44], graph.initial_cache())
    _, fresh = graph.step([5, 43, 44], graph.initial_cache())
    np.testing.assert_allclose(without(cache, 1, 3)[0], fresh[0], atol=1e-6)


def test_one_set_of_weights_serves_many(graph, exported, simulation) -> None:
    gate = NanoGate(graph, Vocabulary(exported / "vocabulary.model"), 0.3)
    blocks = simulation.stream("two", teacher).blocks[:60]
    alone = _decisions(gate, blocks)
    one, other = gate.initial_state(), gate.initial_state()
    for number, block in enumerate(blocks):
        first, one = gate.read(block.percepts, block.situation, one)
        assert first == alone[number]
        if number % 2:
            _, other = gate.read(blocks[-number].percepts, blocks[-number].situation, other)


def test_a_copied_state_goes_its_own_way(graph, exported, simulation) -> None:
    gate = NanoGate(graph, Vocabulary(exported / "vocabulary.model"), 0.3)
    blocks = simulation.stream("three", teacher).blocks[:40]
    state = gate.initial_state()
    for block in blocks[:20]:
        _, state = gate.read(block.percepts, block.situation, state)
    kept = state.copy()
    first = [gate.read(block.percepts, block.situation, state)[0] for block in blocks[20:]]
    second = [gate.read(block.percepts, block.situation, kept)[0] for block in blocks[20:]]
    assert first == second


def test_the_cache_stays_bounded(graph, exported, simulation) -> None:
    gate = NanoGate(graph, Vocabulary(exported / "vocabulary.model"), window=48)
    state = gate.initial_state()
    for number in range(4):
        for block in simulation.stream(f"long {number}", teacher).blocks:
            _, state = gate.read(block.percepts, block.situation, state)
            entries = state.cache.shape[3]
            assert entries <= 48 + 32, "a block that does not fit by itself may exceed the window once"
            assert entries == 1 + sum(state.blocks), "evicted by whole blocks, the first entry stays"


def test_only_possible_decisions(graph, exported, simulation) -> None:
    gate = NanoGate(graph, Vocabulary(exported / "vocabulary.model"), 0.05)
    seen = set()
    for number in range(6):
        blocks = simulation.stream(f"any {number}", teacher).blocks
        for block, verdict in zip(blocks, _decisions(gate, blocks), strict=True):
            assert allowed(verdict.action, block.situation)
            assert 0.0 <= verdict.score <= 1.0
            seen.add(verdict.action)
    assert len(seen) > 1, "a gate that always does the same would pass"


@pytest.mark.parametrize(
    ("situation", "possible"),
    [
        (Situation(0.0), {"silent", "respond", "backchannel"}),
        (Situation(0.0, speaking=True), {"silent", "yield"}),
        (Situation(0.0, answering=True), {"silent", "yield"}),
        (Situation(0.0, held=True), {"silent", "yield", "resume"}),
    ],
)
def test_what_a_situation_allows(situation: Situation, possible: set[str]) -> None:
    assert {action for action in ACTIONS if allowed(action, situation)} == possible


@pytest.mark.parametrize("missing", [GRAPH, SETTINGS, "vocabulary.model"])
def test_a_folder_that_lacks_a_file(exported, tmp_path, missing) -> None:
    folder = tmp_path / "nano"
    shutil.copytree(exported, folder)
    (folder / missing).unlink()
    with pytest.raises(ModelError):
        load_nano(folder)


def test_a_damaged_graph(exported, tmp_path) -> None:
    folder = tmp_path / "nano"
    shutil.copytree(exported, folder)
    (folder / GRAPH).write_bytes((folder / GRAPH).read_bytes()[:500])
    with pytest.raises(ModelError, match="no Duplex-nano"):
        load_nano(folder)


def test_the_threshold_comes_with_the_weights(exported, tmp_path) -> None:
    folder = tmp_path / "nano"
    shutil.copytree(exported, folder)
    (folder / SETTINGS).write_text(json.dumps({"threshold": 0.75}))
    assert load_nano(folder).threshold == 0.75


def _decisions(gate: NanoGate, blocks) -> list:
    state, made = gate.initial_state(), []
    for block in blocks:
        verdict, state = gate.read(block.percepts, block.situation, state)
        made.append(verdict)
    return made
