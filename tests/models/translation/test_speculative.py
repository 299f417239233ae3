"""A draft saves steps of decoding, and without a bias it changes nothing."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from duplex.models.translation.engine import BundledTranslator
from duplex.models.translation.search import search
from duplex.models.translation.speculative import accepted, continuation
from duplex.models.translation.vocabulary import END, PARTIAL
from tests.models.translation.test_search import Scripted, memory

SOURCE = [4, 20, 21, 22, 3]
CHAIN = {(): {10: 0.6, 20: 0.3}, (10,): {11: 0.6, 21: 0.3}, (10, 11): {12: 0.9}, (20,): {21: 0.9}}


class Moody(dict):
    """Three subwords and the end, each as likely as a number drawn for what was said before."""

    def get(self, said, default):
        chances = random.Random(hash(said)).sample([0.5, 0.3, 0.1, 0.05], 4)
        return dict(zip((10, 11, 12, END), chances, strict=True))


def found(table, **options):
    decoder = Scripted(table)
    return search(decoder, SOURCE, memory(len(SOURCE)), **options), decoder.calls


def told(result):
    return result.numbers, result.logs, len(result.attention), result.ended, result.looped


def test_the_longest_likely_beginning_is_kept():
    logs = np.log(np.array([[0.6, 0.3, 0.1], [0.3, 0.6, 0.1], [0.8, 0.1, 0.1]]))
    assert accepted(logs, [0, 1, 2], 0.0) == 2
    assert accepted(logs, [1, 1, 0], 0.0) == 0
    assert accepted(logs, [1, 1, 0], 0.2) == 0 and accepted(logs, [1, 1, 0], 0.3) == 3  # 0.7 * 0.3 + 0.3 > 0.7 * 0.6
    assert accepted(logs, [2, 2, 2], 1.0) == 3 and accepted(logs, [], 1.0) == 0


def test_what_cannot_be_is_not_kept_with_any_bias():
    decoder, draft = Scripted(CHAIN), [10, PARTIAL, 12]
    assert search(decoder, SOURCE, memory(5), draft=draft, bias=1.0).numbers == [10, 11, 12]


def test_a_draft_that_is_right_costs_one_step():
    plain, steps = found(CHAIN)
    drafted, fewer = found(CHAIN, draft=[10, 11, 12])
    assert told(plain) == told(drafted) and plain.numbers == [10, 11, 12] and (steps, fewer) == (4, 1)


def test_a_bias_keeps_what_the_network_would_write_otherwise():
    assert found(CHAIN, draft=[20, 21])[0].numbers == [10, 11, 12]
    steadier = found(CHAIN, draft=[20, 21], bias=0.3)[0]
    assert steadier.numbers == [20, 21] and steadier.logs[0] == pytest.approx(np.log(0.3))


def test_a_draft_goes_on_from_the_fixed_beginning():
    assert continuation([1, 2, 3], [1]) == [2, 3] and continuation([1, 2], [2]) == [] and continuation([], []) == []
    assert found(CHAIN, begin=[10], draft=[10, 11, 12])[1] == 1
    assert found(CHAIN, begin=[20], draft=[10, 11, 12])[0].numbers == [20, 21]


@settings(max_examples=60, deadline=None)
@given(draft=st.lists(st.sampled_from([10, 11, 12, PARTIAL]), max_size=30), begin=st.lists(st.just(10), max_size=3))
@example(draft=[10] * 30, begin=[])
def test_without_a_bias_the_result_is_that_of_greedy_decoding(draft, begin):
    for table in (Moody(), {(10,) * n: {10: 0.9} for n in range(40)}):
        plain = found(table, begin=begin)[0]
        for earlier in ([*begin, *draft], plain.numbers):
            assert told(found(table, begin=begin, draft=earlier)[0]) == told(plain)


@settings(max_examples=30, deadline=None)
@given(draft=st.lists(st.sampled_from([10, 11, 12]), max_size=40), bias=st.floats(0, 1), beam=st.integers(1, 3))
def test_any_draft_ends_and_stays_within_bounds(draft, bias, beam):
    for table in (Moody(), {(10,) * n: {10: 0.9} for n in range(40)}):
        result = found(table, draft=draft, bias=bias, beam=beam)[0]
        assert len(result.numbers) == len(result.attention) <= 19
        assert len(result.logs) == len(result.numbers) + result.ended


def test_the_bundled_translator_takes_any_draft(exported):
    texts = "Tom sees the house. He is in Boston today.", "en", "de"
    greedy = BundledTranslator(exported, beam=1, bias=0.0)
    plain = greedy.translate(*texts)
    for draft in ("", plain.text, plain.text[: len(plain.text) // 2], "etwas ganz anderes. 你好", "<2de> </s>"):
        assert greedy.translate(*texts, draft=draft).text == plain.text
    frozen = BundledTranslator(exported, beam=2, bias=1.0)
    assert frozen.translate("Tom sees the", "en", "de", True, draft="Tom sieht das").text.startswith("Tom sieht das")
