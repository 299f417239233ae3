from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.dialogues import Dialogues
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.prefill import LEAST, close_gap, common_prefix, update
from tests.streaming.lm.tiny import apart, ids_of, tiny, whole


@given(st.lists(st.integers(0, 2)), st.lists(st.integers(0, 2)))
def test_common_prefix(first, second):
    shared = common_prefix(first, second)
    assert first[:shared] == second[:shared]
    assert shared == min(len(first), len(second)) or first[shared] != second[shared]


class Counting:
    """Counts the tokens that a model computes."""

    def __init__(self, model, monkeypatch) -> None:
        self.tokens = 0
        forward = model.forward

        def counting(*args, **kwargs):
            self.tokens += kwargs["input_ids"].shape[1]
            return forward(*args, **kwargs)

        monkeypatch.setattr(model, "forward", counting)


def test_only_what_is_new_is_computed(monkeypatch):
    model = tiny("llama")
    lm, cache, ids = CausalLM(model), KVCache(), ids_of(50)
    update(lm, cache, ids[:40])
    counting = Counting(model, monkeypatch)
    assert update(lm, cache, ids[:43]) == 0
    assert counting.tokens == 3
    update(lm, cache, ids[:43])  # nothing is new, and the logits are there
    assert counting.tokens == 3
    update(lm, cache, ids[:41])  # they are not there any more
    assert counting.tokens == 4
    assert apart(cache.logits, whole(model, ids[:41])[-1]) < 1e-4


def test_at_most_so_many_at_once():
    lm, cache, ids = CausalLM(tiny("llama")), KVCache(), ids_of(20)
    left = []
    while not left or left[-1]:
        left.append(update(lm, cache, ids, most=8))
    assert left == [12, 4, 0]


def test_the_oldest_leave_and_the_rest_moves_up(monkeypatch):
    """In one layer, what moved up is what computing gives."""
    model = tiny("llama", 1)
    lm, cache, ids = CausalLM(model), KVCache(), ids_of(120)
    update(lm, cache, ids)
    wanted = ids[:10] + ids[40:] + ids_of(5, 3)
    counting = Counting(model, monkeypatch)
    assert close_gap(lm, cache, wanted) == 30
    assert update(lm, cache, wanted) == 0
    assert counting.tokens == 5
    assert apart(cache.logits, whole(model, wanted)[-1]) < 1e-4


def test_a_place_that_only_seems_to_fit_is_passed_over():
    lm, cache, ids = CausalLM(tiny("llama", 1)), KVCache(), ids_of(120)
    ids[20:22] = ids[60:62]
    update(lm, cache, ids)
    assert close_gap(lm, cache, ids[:10] + ids[60:]) == 50
    assert list(cache.ids) == ids[:10] + ids[60:]


@pytest.mark.parametrize(
    "wanted",
    [ids_of(80)[:70], ids_of(80), [*ids_of(80), 5], ids_of(60, 9), ids_of(80)[:10] + ids_of(80)[-LEAST + 1 :], []],
    ids=["cut", "the same", "longer", "another", "too little behind the gap", "nothing"],
)
def test_where_there_is_no_gap_nothing_moves(wanted):
    lm, cache = CausalLM(tiny("llama", 1)), KVCache()
    update(lm, cache, ids_of(80))
    assert close_gap(lm, cache, wanted) == 0
    assert list(cache.ids) == ids_of(80)


def test_a_dialogue_has_its_cache_over_its_turns():
    lm, dialogues = CausalLM(tiny("llama", 1)), Dialogues(most=2)
    for name in ("a", "b", "c"):
        ticket, cache = dialogues.take(name)
        lm.append(cache, ids_of(10))
        dialogues.give(name, ticket, cache)
    assert len(dialogues) == 2
    assert [len(dialogues.take(name)[1]) for name in ("a", "b", "c")] == [0, 10, 10]
    assert dialogues.nbytes > 0
    dialogues.clear()
    assert dialogues.nbytes == len(dialogues) == 0


def test_stale_work_is_not_taken():
    lm, dialogues = CausalLM(tiny("llama", 1)), Dialogues()
    old, first = dialogues.take("a")
    new, second = dialogues.take("a")
    assert not dialogues.current("a", old)
    lm.append(second, ids_of(4))
    dialogues.give("a", new, second)
    lm.append(first, ids_of(9))
    dialogues.give("a", old, first)
    assert len(dialogues.take("a")[1]) == 4
    ticket, cache = dialogues.take("a")
    dialogues.drop("a")
    dialogues.give("a", ticket, cache)
    assert len(dialogues) == 0
