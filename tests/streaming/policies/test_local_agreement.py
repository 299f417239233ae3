"""LocalAgreement: the stable prefix only grows, whatever the recognizer says next."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.models.asr.contract import Hypothesis, Word
from duplex.streaming.policies.local_agreement import LocalAgreement, comparable

SECOND = 16_000


def spoken(text: str, start: int = 0, length: int = 4000) -> list[Word]:
    """Words one after the other, each `length` samples long."""
    return [Word(word, start + i * length, start + (i + 1) * length) for i, word in enumerate(text.split())]


few = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
words_and_gaps = st.lists(
    st.tuples(st.sampled_from(["a", "b", "No", "no,"]), st.integers(0, 4000), st.integers(0, 9000)), max_size=10
)
growth = st.lists(st.tuples(st.integers(1, 2 * SECOND), st.booleans(), words_and_gaps), min_size=1, max_size=10)


def hypotheses(steps: list[tuple[int, bool, list[tuple[str, int, int]]]]) -> Iterator[tuple[list[Word], int, int]]:
    """(words, heard, since) of a growing buffer that is trimmed now and then, with times that wander."""
    heard = since = 0
    for grown, trim, wanted in steps:
        heard += grown
        since = (since + heard) // 2 if trim else since
        words, at = [], since
        for text, gap, length in wanted:
            words.append(Word(text, min(at + gap, heard), min(at + gap + length, heard)))
            at = words[-1].end
        yield words, heard, since


@few
@given(growth, st.integers(2, 4), st.integers(0, SECOND))
def test_the_stable_prefix_is_never_taken_back(steps: list[Any], agree: int, margin: int) -> None:
    agreement = LocalAgreement(agree, margin)
    before: list[str] = []
    for words, heard, since in hypotheses(steps):
        hypothesis = agreement.update(words, heard, since)
        texts = [comparable(word.text) for word in hypothesis.words]
        assert texts[: len(before)] == before
        assert hypothesis.stable >= len(before)
        before = texts[: hypothesis.stable]
    final = agreement.finish(words, since)
    assert final.final and final.stable == len(final.words)
    assert [comparable(word.text) for word in final.words][: len(before)] == before


@few
@given(st.lists(st.sampled_from(["yes", "no", "maybe"]), min_size=1, max_size=20), st.integers(2, 4))
def test_an_unchanging_recognizer_is_repeated_word_for_word(texts: list[str], agree: int) -> None:
    words = spoken(" ".join(texts))
    agreement = LocalAgreement(agree)
    for count in range(1, len(words) + 1):
        agreement.update(words[:count], words[count - 1].end)
    assert agreement.finish(words).words == tuple(words)


@pytest.mark.parametrize("agree", [2, 3, 5])
def test_a_word_is_stable_when_that_many_hypotheses_say_it(agree: int) -> None:
    agreement = LocalAgreement(agree)
    for said in range(1, agree + 2):
        hypothesis = agreement.update(spoken("hello"), SECOND + said)
        assert hypothesis.stable == (1 if said >= agree else 0)


def test_disagreement_holds_back_what_follows_it() -> None:
    agreement = LocalAgreement()
    agreement.update(spoken("set a timer for tea"), 5 * SECOND)
    hypothesis = agreement.update(spoken("set a time for ten minutes"), 5 * SECOND)
    assert (hypothesis.stable, hypothesis.text) == (2, "set a time for ten minutes")


def test_words_too_close_to_the_end_wait() -> None:
    agreement = LocalAgreement(margin=4000)
    agreement.update(spoken("what time"), 8000)
    assert agreement.update(spoken("what time"), 9000).stable == 1
    assert agreement.update(spoken("what time"), 12_000).stable == 2


def test_a_number_waits_for_the_next_word_or_a_second() -> None:
    agreement = LocalAgreement(grows=str.isdigit)
    for heard, stable in ((8000, 0), (9000, 1), (8000 + SECOND, 2)):
        assert agreement.update(spoken("costs 23"), heard).stable == stable
    agreement = LocalAgreement(grows=str.isdigit)
    agreement.update(spoken("costs 23 now"), 12_000)
    assert agreement.update(spoken("costs 23 now"), 12_100).stable == 3


def test_a_changed_mind_only_changes_what_is_not_stable() -> None:
    agreement = LocalAgreement()
    agreement.update(spoken("wreck a nice"), 12_000)
    agreement.update(spoken("wreck a nice"), 12_000)
    late = [Word("recognize", 0, 12_000), *spoken("speech today", 12_000)]
    assert agreement.finish(late).text == "wreck a nice speech today"


def test_stable_words_stay_and_their_times_case_and_punctuation_are_refined() -> None:
    agreement = LocalAgreement()
    agreement.update([Word("Hello,", 0, 4000)], 5000)
    agreement.update([Word("Hello,", 0, 4000)], 6000)
    final = agreement.finish([Word("hello", 100, 4200, 0.5), Word("you", 4200, 6000)])
    assert final == Hypothesis((Word("hello", 100, 4200, 0.5), Word("you", 4200, 6000)), 2, True)


def test_a_word_that_straddles_the_trimmed_end_is_not_said_twice() -> None:
    agreement = LocalAgreement()
    agreement.update(spoken("one two"), 9000)
    agreement.update(spoken("one two"), 9000)
    again = [Word("two", 7800, 8200), Word("three", 8200, 12_000)]
    assert agreement.finish(again, since=7900).text == "one two three"


def test_a_word_really_said_twice_stays() -> None:
    agreement = LocalAgreement()
    agreement.update(spoken("oh no"), 9000)
    agreement.update(spoken("oh no"), 9000)
    assert agreement.finish(spoken("no", 8000), since=8000).text == "oh no no"


def test_one_hypothesis_alone_agrees_with_nothing() -> None:
    with pytest.raises(ValueError, match="at least two"):
        LocalAgreement(1)


@pytest.mark.parametrize(
    ("text", "same"),
    [("Well,", "well"), ("don't", "don't"), ("—", "—"), ("ÉTÉ.", "été"), ("$23.50.", "$23.50"), ("1,000", "1000")],
)
def test_words_are_compared_without_case_and_punctuation(text: str, same: str) -> None:
    assert comparable(text) == same
