"""What the policies keep; that keys they move are what computing gives; that memory stays flat."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.errors import SettingsError
from duplex.streaming.lm.cache_policy import CacheFull, EntropyMemory, KeepAll, SinksAndWindow, WholeBlocks
from duplex.streaming.lm.causal_lm import UNKNOWN, CausalLM
from duplex.streaming.lm.kv_cache import KVCache
from tests.streaming.lm.tiny import FAMILIES, apart, ids_of, tiny, whole

POLICIES = {
    "sinks and window": SinksAndWindow(4, 20, 3),
    "window": SinksAndWindow(0, 24),
    "entropy": EntropyMemory(4, 12, 8, 0.9, 2),
    "blocks": WholeBlocks(5, 24),
}


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_what_stays_is_what_computing_it_gives(family, policy):
    """In one layer a key depends on its token and position alone: what was evicted has left no trace."""
    model = tiny(family, layers=1)
    lm, ids = CausalLM(model), ids_of(100)
    cache = KVCache()
    for place, token in enumerate(ids):
        if place % 6 == 0:
            cache.begin_block()
        lm.append(cache, [token], policy)
        if place % 40 == 39:
            policy.end_turn(cache)
    assert len(cache) <= 24
    assert list(cache.positions) == list(range(len(cache)))
    expected = whole(model, [int(each) for each in cache.ids])[-1]
    assert apart(cache.logits, expected) <= 2e-5 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("family", FAMILIES)
def test_a_window_in_many_layers_is_what_a_mask_gives(family):
    """Entries that left one by one: a forward pass at once, in which each token sees the window before it."""
    torch = pytest.importorskip("torch")

    model = tiny(family)
    lm, ids, window = CausalLM(model), ids_of(40), 12
    cache = KVCache()
    for token in ids:
        lm.append(cache, [token], SinksAndWindow(0, window))
    place = torch.arange(len(ids))
    distance = place[:, None] - place[None]
    seen = (distance >= 0) & (distance < window)
    mask = torch.where(seen, 0.0, torch.finfo(torch.float32).min)[None, None]
    given = {"full_attention": mask, "sliding_attention": mask} if family == "gemma3" else mask
    with torch.inference_mode():
        expected = model(input_ids=torch.tensor([ids]), attention_mask=given, use_cache=False).logits[0, -1]
    assert apart(cache.logits, expected) <= 2e-5 * max(1.0, float(expected.abs().max()))


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES.keys())
def test_memory_is_flat(policy):
    lm, cache, sizes = CausalLM(tiny("llama", 1)), KVCache(), []
    for place, token in enumerate(ids_of(240)):
        if place % 6 == 0:
            cache.begin_block()
        lm.append(cache, [token], policy)
        sizes.append(cache.nbytes)
    assert max(sizes[:100]) == max(sizes[-100:])


def test_sinks_stay_and_the_window_moves():
    lm, cache, ids = CausalLM(tiny("llama", 1)), KVCache(), ids_of(60)
    lm.append(cache, ids, SinksAndWindow(4, 10))
    assert list(cache.ids) == ids[:4] + ids[-10:]


def test_the_most_surprising_stay():
    torch = pytest.importorskip("torch")

    lm, cache, ids = CausalLM(tiny("llama", 1)), KVCache(), ids_of(30)
    policy = EntropyMemory(sinks=1, memory=8, recent=2)
    lm.append(cache, ids[:8], policy)
    logits = torch.log_softmax(whole(lm.model, ids[:8]), -1)
    expected = -logits[torch.arange(7), torch.tensor(ids[1:8])]
    assert cache.scores[0] == UNKNOWN
    assert cache.scores[1:] == pytest.approx(expected.numpy(), abs=1e-4)
    lm.append(cache, ids[8:11], policy)
    scores = cache.scores.copy()
    lm.append(cache, ids[11:13], policy)
    candidates = np.arange(1, 9)
    stay = np.sort(candidates[np.argsort(-scores[candidates], kind="stable")[:6]])
    assert list(cache.ids) == [ids[0], *(ids[each] for each in stay), *ids[9:13]]


def test_scores_decay_at_the_end_of_a_turn():
    lm, cache = CausalLM(tiny("llama", 1)), KVCache()
    policy = EntropyMemory(1, 8, 2, decay=0.5)
    lm.append(cache, ids_of(6), policy)
    before = cache.scores.copy()
    policy.end_turn(cache)
    assert cache.scores == pytest.approx(before / 2)


def test_blocks_leave_whole_and_the_open_one_stays():
    lm, cache, ids = CausalLM(tiny("llama", 1)), KVCache(), ids_of(40)
    policy = WholeBlocks(prefix=3, most=20)
    lm.append(cache, ids[:3], policy)
    for start in (3, 9, 15):
        cache.begin_block()
        lm.append(cache, ids[start : start + 6], policy)
    assert list(cache.ids) == ids[:3] + ids[9:21]
    with pytest.raises(CacheFull, match="open block"):
        for token in ids_of(20, 4):
            lm.append(cache, [token], policy)
    assert len(cache) == 20


def test_more_at_once_than_a_window_is_taken_in_pieces():
    lm, ids = CausalLM(tiny("llama", 1)), ids_of(100)
    policy = SinksAndWindow(2, 10, 4)
    cache = KVCache()
    lm.append(cache, ids, policy)
    assert list(cache.ids[:2]) == ids[:2]
    assert list(cache.ids[2:]) == ids[-(len(cache) - 2) :]
    with pytest.raises(CacheFull, match="at once"):
        policy.kept(cache, 11)


@given(
    count=st.integers(0, 60),
    incoming=st.integers(1, 6),
    sinks=st.integers(0, 6),
    memory=st.integers(8, 30),
    recent=st.integers(0, 12),
    seed=st.integers(0, 9),
)
def test_what_is_kept_always_fits(count, incoming, sinks, memory, recent, seed):
    cache = KVCache()
    cache.ids = np.arange(count)
    cache.scores = np.random.default_rng(seed).random(count).astype(np.float32)
    for policy, most in (
        (SinksAndWindow(sinks, memory, 1), sinks + memory),
        (EntropyMemory(sinks, memory, recent, slack=1), sinks + memory + recent),
    ):
        kept = policy.kept(cache, incoming)
        if kept is None:
            assert count + incoming <= most
            continue
        assert (np.diff(kept) > 0).all()
        assert list(kept[:sinks]) == list(range(min(sinks, count)))
        assert kept[-1] == count - 1 or isinstance(policy, EntropyMemory)
        if count <= most:  # as it is between two appends
            assert len(kept) + incoming <= most


@pytest.mark.parametrize(
    "make",
    [
        lambda: SinksAndWindow(-1, 10),
        lambda: SinksAndWindow(4, 10, 10),
        lambda: EntropyMemory(decay=0.0),
        lambda: WholeBlocks(prefix=10, most=10),
    ],
)
def test_settings_that_leave_no_room_are_refused(make):
    with pytest.raises(SettingsError):
        make()


def test_keeping_all_refuses_what_does_not_fit():
    with pytest.raises(CacheFull, match="0 of 3"):
        CausalLM(tiny("llama", 1)).append(KVCache(), ids_of(4), KeepAll(3))
