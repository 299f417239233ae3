"""The delay of simultaneous translation is measured as it is defined."""

from __future__ import annotations

import pytest

from tests.benchmarks.lagging import Shown, Talk, average_lagging, length_adaptive_lagging


def test_lagging_of_wait_k_is_k():
    assert length_adaptive_lagging([3, 4, 5, 6, 6, 6], 6, 6) == pytest.approx(3)
    assert length_adaptive_lagging([6] * 6, 6, 6) == 6  # nothing before the end
    assert length_adaptive_lagging([], 5, 3) == 5 and length_adaptive_lagging([9, 9], 5, 3) == 9


def test_neither_a_short_nor_a_long_answer_gains():
    assert length_adaptive_lagging([1, 2, 3, 4], 4, 8) == pytest.approx((1 + 1.5 + 2 + 2.5) / 4)
    long = [1, 1, 2, 2, 3, 3, 4, 4]
    assert average_lagging(long, 4, 4) < length_adaptive_lagging(long, 4, 4)


def shown(*texts):
    return Talk(len(texts), [Shown(at, at + at / 10, tuple(text)) for at, text in enumerate(texts, 1)])


def test_a_word_counts_from_when_it_came_to_stay():
    assert shown("a", "ab", "x", "abc").delays() == [4, 4, 4]
    assert shown("a", "ax", "ab").delays() == [1, 3]
    assert shown("a", "ax", "ab").delays(aware=True) == pytest.approx([1.1, 3.3])


def test_erasure_counts_what_is_taken_back():
    assert shown("ab", "ac", "acde").erasure() == pytest.approx(1 / 4)
