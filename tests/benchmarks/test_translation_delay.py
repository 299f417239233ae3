"""The delay of simultaneous translation is measured as it is defined."""

from __future__ import annotations

import pytest

from duplex.models.translation.contract import Translation
from duplex.streaming.policies.append_only import WaitK
from duplex.streaming.policies.retranslation import MaskedRetranslation
from tests.benchmarks.translation_delay import POLICIES, Talk, laal, talk


class Echo:
    name = "echo"
    pairs = frozenset({("en", "de")})

    def translate(self, text, source, target, partial=False, begin="", draft=""):
        words = text.upper().split()
        return Translation(" ".join(words), source, target, alignment=tuple(range(len(words))))


def test_lagging_of_wait_k_is_k():
    assert laal([3, 4, 5, 6, 6, 6], 6, 6) == pytest.approx(3)
    assert laal([6] * 6, 6, 6) == 6  # nothing before the end
    assert laal([1, 2, 3, 4], 4, 8) == pytest.approx((1 + 1.5 + 2 + 2.5) / 4)  # a short answer gains nothing
    assert laal([], 5, 3) == 5 and laal([9, 9], 5, 3) == 9


def test_a_word_counts_from_when_it_came_to_stay():
    shown = [("a",), ("a", "b"), ("x",), ("a", "b", "c")]
    assert Talk("1 2 3 4", shown).delays() == [4, 4, 4]
    assert Talk("1 2 3", [("a",), ("a", "x"), ("a", "b")]).delays() == [1, 3]


def test_policies_over_an_echo():
    text = "one two three four five six seven"
    assert talk(WaitK(k=3), Echo(), text, "en", "de").delays() == [3, 4, 5, 6, 7, 7, 7]
    assert talk(MaskedRetranslation(2), Echo(), text, "en", "de").delays() == [3, 4, 5, 6, 7, 7, 7]
    for make in POLICIES.values():
        assert talk(make(), Echo(), text, "en", "de").text == text.upper()
