"""Thoughts while listening equal what recomputing gives: words do not see them, and the answer sees everything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.kv_cache import KVCache
from duplex.streaming.lm.listening_thoughts import ROOM, ListeningThoughts, Thinking
from duplex.streaming.lm.prefill import update
from tests.streaming.lm.test_dual_cache import masked
from tests.streaming.lm.tiny import FAMILIES, apart, ids_of, tiny

CUE, CLOSE, TAIL = (3, 4), (5,), [6, 7, 8]


def manner(**given) -> Thinking:
    return Thinking(CUE, CLOSE, given.pop("ends", lambda token: False), **given)


def think(lm: CausalLM, thoughts: ListeningThoughts, cache: KVCache, heard: list[int]) -> None:
    """A whole thought about `heard`."""
    update(lm, cache, heard)
    thoughts.begin(cache, len(heard))
    while thoughts.writing:
        thoughts.step(lm)


@pytest.mark.parametrize("family", FAMILIES)
def test_an_answer_is_what_one_masked_pass_over_everything_gives(family):
    lm, heard, cache = CausalLM(tiny(family)), ids_of(30), KVCache()
    thoughts = ListeningThoughts(manner(most=5))
    seen = []
    for upto in (11, 19):
        think(lm, thoughts, cache, heard[:upto])
        seen += [upto] * (len(thoughts.ids) - len(seen))
    update(lm, cache, heard[:25])
    whole = thoughts.answering(lm, cache, heard, TAIL)
    target = [*thoughts.ids.tolist(), *TAIL]
    expected = masked(lm.model, heard, target, [*seen, *[len(heard)] * len(TAIL)], 11 + ROOM)
    assert apart(whole.logits, expected[-1]) <= 1e-5 * max(1.0, float(expected[-1].abs().max()))
    again = lm.append(whole, [9])
    expected = masked(lm.model, heard, [*target, 9], [*seen, *[len(heard)] * (len(TAIL) + 1)], 11 + ROOM)[-1]
    assert apart(again, expected) <= 1e-5 * max(1.0, float(expected.abs().max()))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 8), st.integers(0, 6)), min_size=1, max_size=5))
def test_after_revisions_it_is_as_if_they_had_never_been_heard(steps):
    """steps: tokens that are new, and tokens before them that are revised."""
    lm, cache, heard = CausalLM(tiny("llama")), KVCache(), []
    thoughts = ListeningThoughts(manner(most=3))
    for number, (new, revised) in enumerate(steps):
        heard = [*heard[: max(0, len(heard) - revised)], *ids_of(new + min(revised, len(heard)), number + 10)]
        thoughts.fit(heard)
        think(lm, thoughts, cache, heard)
    fresh = ListeningThoughts(manner(most=3))
    alone = KVCache()
    for about in (each.heard.tolist() for each in thoughts._done):
        think(lm, fresh, alone, about)
    assert fresh.ids.tolist() == thoughts.ids.tolist() and fresh.offset == thoughts.offset
    ends = [each.answering(lm, kept, heard, TAIL) for each, kept in ((thoughts, cache), (fresh, alone))]
    assert apart(ends[0].logits, ends[1].logits) <= 1e-4
    assert ends[0].ids.tolist() == ends[1].ids.tolist()


def test_thoughts_on_revised_words_are_dropped_with_all_after_them():
    lm, cache, heard = CausalLM(tiny("qwen2")), KVCache(), ids_of(30)
    thoughts = ListeningThoughts(manner(most=4))
    for upto in (8, 16, 24):
        think(lm, thoughts, cache, heard[:upto])
    one = len(thoughts.ids) // 3
    thoughts.fit([*heard[:12], 1, *heard[13:]])
    assert (len(thoughts), len(thoughts.ids), thoughts.words) == (1, one, 8)
    thoughts.fit([1])
    assert (len(thoughts), len(thoughts.ids), thoughts.words) == (0, 0, 0)
    assert thoughts.answering(lm, cache, heard, TAIL) is None


def test_a_thought_is_bounded_and_ends_where_it_wants_to():
    lm, cache = CausalLM(tiny("llama")), KVCache()
    long = ListeningThoughts(manner(most=6))
    think(lm, long, cache, ids_of(9))
    assert len(long.ids) == len(CUE) + 6 + len(CLOSE) <= long.manner.longest
    stop = int(long.ids[len(CUE) + 2])
    short = ListeningThoughts(manner(most=6, ends=lambda token: token == stop))
    think(lm, short, KVCache(), ids_of(9))
    written = long.ids[len(CUE) : len(CUE) + 6].tolist()
    assert short.ids.tolist() == [*CUE, *written[: written.index(stop)], *CLOSE]


def test_a_thought_without_a_word_leaves_no_tokens():
    lm, cache, heard = CausalLM(tiny("llama")), KVCache(), ids_of(20)
    thoughts = ListeningThoughts(manner(most=4))
    think(lm, thoughts, cache, heard[:8])
    before = thoughts.ids.tolist()
    thoughts.manner = manner(most=4, ends=lambda token: True)
    think(lm, thoughts, cache, heard)
    assert (len(thoughts), thoughts.words, thoughts.ids.tolist()) == (2, 20, before)
    nothing = ListeningThoughts(thoughts.manner)
    think(lm, nothing, cache, heard)
    assert len(nothing) == 1 and nothing.answering(lm, cache, heard, TAIL) is None


def test_a_thought_under_way_is_cut():
    lm, cache, heard = CausalLM(tiny("llama")), KVCache(), ids_of(20)
    thoughts = ListeningThoughts(manner(most=4))
    think(lm, thoughts, cache, heard[:8])
    done = thoughts.ids.tolist()
    update(lm, cache, heard)
    thoughts.begin(cache, 20)
    thoughts.step(lm)
    thoughts.step(lm)
    answer = thoughts.answering(lm, cache, heard, TAIL)
    assert thoughts.writing and answer.ids.tolist() == [*heard, *done, *TAIL]
    thoughts.cut()
    assert not thoughts.writing and thoughts.ids.tolist() == done


def test_a_turn_that_reaches_the_positions_of_its_thoughts_is_answered_without():
    lm, cache, heard = CausalLM(tiny("llama")), KVCache(), ids_of(8 + ROOM + 1)
    thoughts = ListeningThoughts(manner(most=2))
    think(lm, thoughts, cache, heard[:8])
    assert thoughts.answering(lm, cache, heard[:-1], TAIL) is not None
    assert thoughts.answering(lm, cache, heard, TAIL) is None
