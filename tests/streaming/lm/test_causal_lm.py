"""What the engine appends, cuts back, revises and forks is what the model gives for the same tokens at once."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from duplex.streaming.errors import ModelError, StageError
from duplex.streaming.lm.cache_policy import CacheFull, KeepAll
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import EMBEDDED, KVCache
from duplex.streaming.lm.prefill import update
from tests.streaming.lm.tiny import FAMILIES, apart, ids_of, tiny, whole

CLOSE = 1e-5


def scale(logits) -> float:
    return float(logits.abs().max())


def same(first, second) -> bool:
    return apart(first, second) <= CLOSE * max(1.0, scale(second))


def in_blocks(lm, ids, sizes=(7, 1, 12, 3)):
    cache, at, turn = KVCache(), 0, 0
    while at < len(ids):
        size = sizes[turn % len(sizes)]
        lm.append(cache, ids[at : at + size])
        at, turn = at + size, turn + 1
    return cache


def embeddings_append(lm, ids):
    cache = KVCache()
    lm.append(cache, ids[:9])
    table = lm.model.get_input_embeddings()
    torch = pytest.importorskip("torch")

    with torch.inference_mode():
        inputs = table(torch.tensor(ids[9:]))
    lm.append_embeddings(cache, inputs)
    assert (cache.ids[9:] == EMBEDDED).all()
    return cache


def cut_back(lm, ids):
    cache = KVCache()
    lm.append(cache, ids[:11] + ids_of(8, 5))
    cache.crop(11)
    lm.append(cache, ids[11:])
    return cache


def revised(lm, ids):
    cache = KVCache()
    for heard in (ids[:5] + ids_of(4, 6), ids[:13], ids[:10] + ids_of(9, 7), ids + ids_of(3, 8), ids):
        assert update(lm, cache, heard) == 0
    return cache


def rolled_back(lm, ids):
    cache = KVCache()
    lm.append(cache, ids[:10])
    snapshot = cache.fork()
    lm.append(cache, ids_of(20, 9))
    cache.crop(4)
    cache.restore(snapshot)
    lm.append(snapshot, ids_of(5, 10))  # a snapshot is a state of its own
    lm.append(cache, ids[10:])
    return cache


def in_one_step_of_tokens(lm, ids):
    cache = KVCache()
    while update(lm, cache, ids, most=4):
        pass
    return cache


WAYS = (in_blocks, embeddings_append, cut_back, revised, rolled_back, in_one_step_of_tokens)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.__name__)
def test_equal_to_computing_the_same_tokens_at_once(family, way):
    model = tiny(family)
    ids = ids_of(40)
    cache = way(CausalLM(model, chunk=16), ids)
    assert len(cache) == len(ids)
    assert same(cache.logits, whole(model, ids)[-1])


def test_local_layers_see_their_window_only():
    model = tiny("gemma3", window=8)
    ids = ids_of(40)
    cache = in_blocks(CausalLM(model, chunk=16), ids)
    assert same(cache.logits, whole(model, ids)[-1])
    assert not same(cache.logits, whole(tiny("gemma3"), ids)[-1])


@pytest.mark.parametrize("family", FAMILIES)
def test_keys_that_move_give_what_they_give_where_they_move_to(family):
    """Attention goes by distance: all entries moved alike change nothing, in any number of layers."""
    model = tiny(family)
    lm, ids = CausalLM(model), ids_of(30)
    assert lm.movable
    cache = KVCache()
    lm.append(cache, ids[:20])
    cache.keep(np.arange(20), lm._frequencies, np.arange(20) + 301)
    assert cache.next_position == 321
    lm.append(cache, ids[20:])
    assert apart(cache.logits, whole(model, ids)[-1]) < 1e-4  # float32 angles of positions past 300


def test_a_fork_costs_nothing_and_goes_its_own_way():
    lm, ids = CausalLM(tiny("llama")), ids_of(30)
    first = KVCache()
    lm.append(first, ids[:20])
    second = first.fork()
    assert second._layers.layers[0].keys.data_ptr() == first._layers.layers[0].keys.data_ptr()
    lm.append(second, ids_of(6, 3))
    lm.append(first, ids[20:])
    assert same(first.logits, whole(lm.model, ids)[-1])
    assert same(second.logits, whole(lm.model, ids[:20] + ids_of(6, 3))[-1])


def test_many_dialogues_share_one_set_of_weights():
    lm = CausalLM(tiny("qwen2"))
    streams = [ids_of(24, seed) for seed in range(4)]
    caches = [KVCache() for _ in streams]

    def converse(cache, ids):
        for start in range(0, 24, 3):
            lm.append(cache, ids[start : start + 3])

    threads = [threading.Thread(target=converse, args=each) for each in zip(caches, streams, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for cache, ids in zip(caches, streams, strict=True):
        assert same(cache.logits, whole(lm.model, ids)[-1])


def test_the_surprisal_of_a_held_reply_leaves_the_cache_as_it_is():
    torch = pytest.importorskip("torch")

    lm, ids, reply = CausalLM(tiny("llama")), ids_of(20), ids_of(6, 2)
    cache = KVCache()
    lm.append(cache, ids)
    before = cache.logits.clone()
    logits = torch.log_softmax(whole(lm.model, ids + reply), -1)
    expected = -logits[torch.arange(19, 25), torch.tensor(reply)].mean()
    assert lm.surprisal(cache, reply) == pytest.approx(float(expected), abs=1e-4)
    assert len(cache) == 20
    assert apart(cache.logits, before) == 0
    cache.crop(5)
    with pytest.raises(ValueError, match="surprisal"):
        lm.surprisal(cache, reply)


def test_what_fails_leaves_the_cache_as_it_was(monkeypatch):
    model = tiny("llama", 2)
    lm, ids = CausalLM(model), ids_of(20)
    cache = KVCache()
    lm.append(cache, ids[:10])

    def fails(*args, **kwargs):
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(model.model.layers[1].mlp, "forward", fails)  # the first layer's keys are there already
        with pytest.raises(RuntimeError, match="out of memory"):
            lm.append(cache, ids[10:])
    with pytest.raises(CacheFull, match="10 of 15"):
        lm.append(cache, ids[10:], KeepAll(15))
    with pytest.raises(StageError, match="cannot be cut back"):
        cache.crop(11)
    lm.append(cache, ids[10:])
    assert same(cache.logits, whole(model, ids)[-1])


def test_a_model_without_such_a_cache_is_refused():
    transformers = pytest.importorskip("transformers")
    config = transformers.MambaConfig(vocab_size=97, hidden_size=16, num_hidden_layers=1, state_size=4)
    with pytest.raises(ModelError, match="key"):
        CausalLM(transformers.MambaForCausalLM(config).eval())


def test_learned_positions_cannot_be_moved():
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(vocab_size=97, n_embd=16, n_layer=1, n_head=2, bos_token_id=1, eos_token_id=2)
    lm, ids = CausalLM(transformers.GPT2LMHeadModel(config).eval()), ids_of(12)
    cache = KVCache()
    lm.append(cache, ids[:6])
    lm.append(cache, ids[6:])
    assert same(cache.logits, whole(lm.model, ids)[-1])
    with pytest.raises(ModelError, match="cannot be moved"):
        lm.keep(cache, np.arange(5))
