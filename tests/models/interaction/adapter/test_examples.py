"""Examples are what a session feeds: token for token, position for position, and each decision where it is read."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
from torch.nn import functional

from duplex.models.interaction.adapter.train.answers import AnswerRecipe, Prompts, answer_pack, asked, shared
from duplex.models.interaction.adapter.train.decisions import DecisionRecipe, decision_pack
from duplex.models.interaction.adapter.train.packing import Pack
from duplex.models.interaction.causal_model import load_causal
from duplex.models.interaction.decider.contract import Action
from duplex.models.interaction.decider.control_token import ControlTokenGate
from duplex.models.interaction.decider.model_stream import ModelStream, StreamState
from duplex.models.interaction.nano.train.streams import Simulation, wavering
from duplex.models.interaction.nano.train.world import Answer
from duplex.models.interaction.responders.local_lm import LocalLM
from duplex.models.interaction.tools.builtin import for_models
from duplex.models.interaction.tools.toolbox import Toolbox
from duplex.streaming.lm.causal_lm import CausalLM
from tests.models.interaction.asking import heard, request

CONTROL: dict[Action, int] = {"silent": 40, "respond": 41, "backchannel": 42, "yield": 43, "resume": 44}


@pytest.fixture(scope="module")
def loaded(folder: Path) -> tuple[Any, Any]:
    """(tokenizer, model)"""
    return load_causal(str(folder))


def encoder(tokenizer: Any) -> Any:
    return lambda text: tokenizer.encode(text, add_special_tokens=False)


def test_a_branch_is_read_as_if_it_stood_alone_behind_what_it_sees(loaded: tuple[Any, Any]) -> None:
    model, rng = loaded[1], random.Random(1)
    pack = Pack([rng.randrange(200) for _ in range(9)])
    branches = [(seen, [rng.randrange(200) for _ in range(length)]) for seen, length in ((9, 3), (0, 4), (5, 1))]
    for seen, ids in branches:
        pack.add(seen, ids, [7], 1.0)
    with torch.no_grad():
        together = pack.hidden(model)
        for (seen, ids), state in zip(branches, together, strict=True):
            alone = model.model(torch.tensor([[*pack.trunk[:seen], *ids]])).last_hidden_state[0, -1]
            assert torch.allclose(state, alone, atol=1e-5)


def test_the_loss_is_the_weighted_cross_entropy_of_the_targets(loaded: tuple[Any, Any]) -> None:
    model, pack = loaded[1], Pack([5, 6, 7])
    pack.add(3, [8, 9, 10], [9, 10, 2], 0.5)
    pack.add(2, [30], [41], 2.0)
    with torch.no_grad():
        first = model(torch.tensor([[5, 6, 7, 8, 9, 10]])).logits[0, 3:]
        second = model(torch.tensor([[5, 6, 30]])).logits[0, -1:]
        expected = 0.5 * functional.cross_entropy(first, torch.tensor([9, 10, 2]), reduction="sum")
        expected += 2.0 * functional.cross_entropy(second, torch.tensor([41]))
        assert float(pack.loss(model)) == pytest.approx(float(expected), rel=1e-5)
        only = Pack([5, 6])
        only.add(2, [30], [41], 2.0)
        chosen = 2.0 * functional.cross_entropy(second[:, 40:45], torch.tensor([1]))
        assert float(only.loss(model, [40, 41, 42, 43, 44])) == pytest.approx(float(chosen), rel=1e-5)
    assert pack.spans() == [(0, 3), (3, 4)] and pack.weight == 3.5


def test_decisions_are_learned_from_what_a_session_feeds(loaded: tuple[Any, Any], simulation: Simulation) -> None:
    tokenizer, model = loaded
    blocks = simulation.stream("parity", wavering).blocks[:40]
    pack = decision_pack(blocks, encoder(tokenizer), CONTROL)
    reader, state = ModelStream(CausalLM(model), encoder(tokenizer)), StreamState()
    assert len(pack.spans()) == len(blocks)
    for block, (start, _) in zip(blocks, pack.spans(), strict=True):
        cache, state = reader.read(block.percepts, block.situation, state)
        place, token, _ = pack.targets[start]
        at = place - len(pack.trunk)
        tail = [number for number, owner in zip(pack.ids, pack.branch, strict=True) if owner == pack.branch[at]]
        assert cache.ids.tolist() == [*pack.trunk[: pack.seen[at]], *tail]
        assert pack.place[at] == len(cache) - 1
        assert token == CONTROL[block.best]
    assert state.cache.ids.tolist() == pack.trunk


def test_a_gate_reads_the_scores_that_were_trained(loaded: tuple[Any, Any], simulation: Simulation) -> None:
    tokenizer, model = loaded
    blocks = simulation.stream("parity", wavering).blocks[:40]
    pack = decision_pack(blocks, encoder(tokenizer), CONTROL)
    gate = ControlTokenGate(ModelStream(CausalLM(model), encoder(tokenizer)), CONTROL, threshold=0.0)
    with torch.no_grad():
        rows = model.get_output_embeddings().weight[list(CONTROL.values())]
        chances = (pack.hidden(model) @ rows.T).softmax(-1)
    state = gate.initial_state()
    for block, row in zip(blocks, chances, strict=True):
        verdict, state = gate.read(block.percepts, block.situation, state)
        assert verdict is not None and verdict.action == list(CONTROL)[int(row.argmax())]
        assert verdict.score == pytest.approx(float(row.max()), abs=1e-5)


def test_all_that_is_not_silence_is_learned_from(loaded: tuple[Any, Any], simulation: Simulation) -> None:
    blocks = simulation.stream("recipe", wavering).blocks
    recipe = DecisionRecipe()
    pack = decision_pack(blocks, encoder(loaded[0]), CONTROL, recipe, random.Random(1))
    wanted = [CONTROL[block.best] for block in blocks if block.best != "silent"]
    assert [token for _, token, _ in pack.targets if token != CONTROL["silent"]] == wanted
    silent = [weight for _, token, weight in pack.targets if token == CONTROL["silent"]]
    assert 0 < len(silent) < len(blocks) - len(wanted)
    assert set(silent) <= {recipe.silence / share for share in (recipe.over, recipe.pausing, recipe.other)}


def test_what_was_before_a_late_start_is_forgotten(loaded: tuple[Any, Any], simulation: Simulation) -> None:
    encode = encoder(loaded[0])
    blocks = simulation.stream("late", wavering).blocks
    whole, late = (decision_pack(blocks, encode, CONTROL, first=first) for first in (0, 30))
    assert late.trunk == whole.trunk[len(whole.trunk) - len(late.trunk) :]
    assert len(late.trunk) < len(whole.trunk) and len(late.targets) == len(blocks) - 30


def test_prompts_are_those_of_the_answerer(folder: Path) -> None:
    model = LocalLM(str(folder), toolbox=Toolbox(for_models()), max_new_tokens=8)
    prompts = Prompts(model._tokenizer)
    turn = request("set a timer", history=heard(("user", "hello", 5.0), ("assistant", "Hi there.", 9.0)))
    assert prompts.ids(turn) == model._prompt(turn)[0]
    called = Answer("Okay.", (("set_timer", '{"seconds":"ten minutes"}'),))
    more = prompts.result(turn, called)
    assert more and prompts.ids(turn, more) == model._prompt(turn, more)[0]


def test_a_call_that_is_learned_is_read_as_that_call(loaded: tuple[Any, Any]) -> None:
    prompts = Prompts(loaded[0])
    decoder = prompts.calls.decoder()
    assert decoder is not None
    *ids, end = prompts.completion(Answer("Okay.", (("set_timer", '{"seconds":"ten minutes","label":"tea"}'),)))
    for token in ids:
        mask = decoder.mask()
        assert mask is None or mask[token]
        decoder.put(token)
    assert decoder.call == '{"name": "set_timer", "arguments": {"seconds": 600, "label": "tea"}}'
    assert end == loaded[0].eos_token_id


def test_requests_of_a_stream_have_their_words_and_their_answers(simulation: Simulation) -> None:
    blocks = simulation.stream("asked").blocks
    found = list(asked(blocks))
    taught = [block.answer for block in blocks if block.best == "respond" and block.answer and block.answer.teach]
    assert found and all(answer in taught for _, answer in found)
    assert all(turn.text for turn, _ in found)
    assert all(turn.history[-1].party == "assistant" for turn, _ in found if turn.history)


def test_answers_share_what_their_prompts_begin_with(loaded: tuple[Any, Any], simulation: Simulation) -> None:
    prompts = Prompts(loaded[0])
    found = [pair for number in range(4) for pair in asked(simulation.stream(f"asked {number}").blocks)]
    pack = answer_pack(found, prompts, AnswerRecipe(longest=4000), random.Random(1))
    completions = [[token for _, token, _ in pack.targets[start:end]] for start, end in pack.spans()]
    offered = [answer for _, answer in found if prompts.offers(answer)]
    assert len(completions) >= len(offered) and all(ids[-1] == prompts.end for ids in completions)
    assert all(prompts.completion(answer) in completions for answer in offered)
    assert set(pack.seen) == {len(pack.trunk)}


def test_long_branches_are_left_out() -> None:
    pack = shared([([1, 2, 3], [4, 5], 1.0), ([1, 2, 9, 9, 9], [4], 1.0)], longest=2)
    assert pack.trunk == [1, 2] and pack.ids == [3, 4]
    assert not shared([], 9).targets
