"""Reading and writing by turns is what one masked forward pass with two sets of positions gives."""

from __future__ import annotations

import pytest

from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.dual_cache import DualCache
from tests.streaming.lm.tiny import FAMILIES, apart, ids_of, tiny


def masked(model, source, target, seen, offset):
    """Logits of the target, (t, vocabulary): target i sees the first seen[i] source tokens and the target before it."""
    torch = pytest.importorskip("torch")

    read, written = len(source), len(target)
    count = read + written
    allowed = torch.ones(count, count).tril().bool()
    for place, most in enumerate(seen):
        allowed[read + place, most:read] = False
    mask = torch.where(allowed, 0.0, torch.finfo(torch.float32).min)[None, None]
    positions = torch.cat([torch.arange(read), torch.arange(written) + offset])[None]
    # An explicit mask: without one, positions that begin again are taken for packed sequences that see nothing of
    # one another.
    given = {"full_attention": mask, "sliding_attention": mask} if "Gemma3" in type(model).__name__ else mask
    with torch.inference_mode():
        out = model(
            input_ids=torch.tensor([source + target]), position_ids=positions, attention_mask=given, use_cache=False
        )
    return out.logits[0, read:]


@pytest.mark.parametrize("offset", [0, 64])
@pytest.mark.parametrize("family", FAMILIES)
def test_equal_to_one_masked_pass(family, offset):
    model = tiny(family)
    lm, source, target = CausalLM(model), ids_of(20), ids_of(9, 1)
    dual = DualCache(offset)
    seen, last = [], None
    for place, token in enumerate(target):  # wait-k: 4 tokens first, then two for each written
        upto = min(20, 4 + 2 * place)
        dual.read(lm, source[len(dual.source) : upto])
        last = dual.write(lm, [token])
        seen.append(upto)
    expected = masked(model, source, target, seen, offset)[-1]
    assert apart(last, expected) <= 1e-5 * max(1.0, float(expected.abs().max()))


def test_the_source_does_not_see_the_target():
    lm, source = CausalLM(tiny("llama")), ids_of(20)
    alone, beside = DualCache(), DualCache()
    alone.read(lm, source)
    beside.read(lm, source[:9])
    beside.write(lm, ids_of(5, 3))
    beside.read(lm, source[9:])
    assert apart(alone.source.logits, beside.source.logits) < 1e-4


def test_revised_words_are_cut_from_the_source_alone():
    lm, source, target = CausalLM(tiny("qwen3")), ids_of(16), ids_of(6, 1)
    dual = DualCache()
    dual.read(lm, source[:10] + ids_of(3, 8))
    dual.source.crop(10)
    dual.read(lm, source[10:])
    logits = dual.write(lm, target)
    assert apart(logits, masked(lm.model, source, target, [16] * 6, 0)[-1]) < 1e-4


def test_a_fork_goes_its_own_way():
    lm = CausalLM(tiny("llama"))
    first = DualCache(3)
    first.read(lm, ids_of(8))
    first.write(lm, ids_of(3, 1))
    second = first.fork()
    second.write(lm, ids_of(4, 2))
    assert (len(first.target), len(second.target)) == (3, 7)
    assert (
        apart(first.write(lm, ids_of(2, 4)), masked(lm.model, ids_of(8), ids_of(3, 1) + ids_of(2, 4), [8] * 5, 3)[-1])
        < 1e-4
    )


def test_target_alone():
    lm, target = CausalLM(tiny("llama")), ids_of(6)
    dual = DualCache()
    dual.write(lm, target[:2])
    assert apart(dual.write(lm, target[2:]), masked(lm.model, [], target, [0] * 6, 0)[-1]) < 1e-4
