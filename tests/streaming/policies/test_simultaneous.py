"""Policies of simultaneous translation over a translator whose words change with what it has heard."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.policies.append_only import AgreeingTranslations, AlignAtt, WaitK
from duplex.streaming.policies.retranslation import MaskedRetranslation, erased, normalized_erasure
from duplex.streaming.policies.simultaneous import advance
from duplex.streaming.policies.truncation import StreamUni, Truncation

APPEND_ONLY = {
    "wait-k": lambda: WaitK(k=2),
    "agreement": lambda: AgreeingTranslations(),
    "align-att": lambda: AlignAtt(margin=1),
    "stream-uni": lambda: StreamUni(k=2, most=3),
}

HEARD = st.lists(
    st.lists(st.sampled_from(["one", "two.", "three", "Four", "five?"]), max_size=8).map(tuple), min_size=1, max_size=12
)


def upper(wanted):
    """Word for word, in capitals; begins as it is told to."""
    words = [word.upper() for word in wanted.source]
    return [*wanted.begin, *words[len(wanted.begin) :]], list(range(max(len(words), len(wanted.begin))))


def moody(wanted):
    """Whose every word depends on the length of the source, and which does not begin as it is told to."""
    return [f"{word}{len(wanted.source)}" for word in wanted.source], list(range(len(wanted.source)))


def shown(policy, heard, translate):
    outputs = []
    for number, source in enumerate(heard):
        written = advance(policy, source, number == len(heard) - 1, translate)
        if written is not None:
            outputs.append(written)
    return outputs


@pytest.mark.parametrize("name", APPEND_ONLY)
@settings(max_examples=40, deadline=None)
@given(heard=HEARD)
def test_what_is_written_is_never_taken_back(name, heard):
    policy = APPEND_ONLY[name]()
    assert not policy.revises
    before = ()
    for translate in (upper, moody):
        policy, before = APPEND_ONLY[name](), ()
        for written in shown(policy, heard, translate):
            assert written.words[: len(before)] == before and written.stable == len(written.words)
            before = written.words


@pytest.mark.parametrize("name", APPEND_ONLY)
@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.sampled_from(["one", "two.", "three", "Four"]), min_size=1, max_size=20))
def test_in_the_end_everything_is_written(name, words):
    growing = [tuple(words[:count]) for count in range(1, len(words) + 1)]
    outputs = shown(APPEND_ONLY[name](), growing, upper)
    assert outputs[-1].words == tuple(word.upper() for word in words)


@settings(max_examples=40, deadline=None)
@given(heard=HEARD, mask=st.integers(0, 4))
def test_retranslation_holds_back_the_tail_and_ends_whole(heard, mask):
    policy = MaskedRetranslation(mask)
    for number, source in enumerate(heard):
        final = number == len(heard) - 1
        written = advance(policy, source, final, moody)
        if written is None:
            continue
        assert len(written.words) == (len(source) if final else max(0, len(source) - mask))
        assert written.stable == (len(source) if final else 0)


def test_retranslation_starts_from_the_last_whole_translation():
    policy = MaskedRetranslation(mask=2)
    assert policy.read(["a"]).draft == ()
    policy.write(["A", "B", "C"])
    assert policy.read(["a", "b"], True).draft == ("A", "B", "C")


def test_wait_k_lags_k_words():
    policy = WaitK(k=3)
    words = ["a", "b", "c", "d", "e"]
    lengths = []
    for count in range(1, 6):
        written = advance(policy, words[:count], False, upper)
        lengths.append(len(written.words) if written else 0)
    assert lengths == [0, 0, 1, 2, 3]
    assert advance(policy, words, True, upper).words == ("A", "B", "C", "D", "E")
    assert policy.read(words, final=True) is None


def test_wait_k_writes_at_most_so_many():
    policy = WaitK(k=1, most=2)
    assert advance(policy, list("abcdef"), False, upper).words == ("A", "B")


def test_agreement_needs_two_that_agree():
    policy = AgreeingTranslations()
    assert advance(policy, ["a"], False, lambda _: (["X", "Y"], ())).words == ()
    assert advance(policy, ["a", "b"], False, lambda _: (["X", "Z"], ())).words == ("X",)
    assert advance(policy, ["a", "b", "c"], False, lambda _: (["X", "Z", "Q"], ())).words == ("X", "Z")


def test_alignment_stops_at_words_from_the_end_of_the_source():
    policy = AlignAtt(margin=1)
    assert advance(policy, ["a", "b", "c"], False, lambda _: (["A", "C", "B"], (0, 2, 1))).words == ("A",)
    assert AlignAtt().count(("A",), ()) == 0


def test_erasure():
    assert erased(["a", "b", "c"], ["a", "x"]) == 2
    assert normalized_erasure([["a", "b"], ["a", "c"], ["a", "c", "d", "e"]]) == pytest.approx(1 / 4)
    assert normalized_erasure([]) == 0 and normalized_erasure([["a"], []]) == 0


@settings(max_examples=40, deadline=None)
@given(outputs=st.lists(st.lists(st.sampled_from("abc"), max_size=5), max_size=8))
def test_erasure_is_zero_only_for_what_only_grows(outputs):
    grows = all(b[: len(a)] == a for a, b in itertools.pairwise(outputs))
    if outputs and outputs[-1]:
        assert (normalized_erasure(outputs) == 0) == grows


def test_truncation_at_silence():
    truncation = Truncation()
    assert [truncation.cut(["hello", "there"]) for _ in range(3)] == [0, 0, 2]


def test_truncation_at_a_sentence_end_that_was_confirmed():
    truncation = Truncation()
    steps = [["hello"], ["hello", "there"], ["hello", "there.", "how"]]
    assert [truncation.cut(words) for words in steps] == [0, 0, 2]


def test_truncation_of_what_never_ends():
    assert Truncation(longest=4).cut(list("abcdef")) == 4


def test_stream_uni_cuts_and_goes_on():
    policy = StreamUni(k=2)
    words = ["we", "go.", "then", "we", "rest.", "and", "sleep"]
    outputs = shown(policy, [tuple(words[:count]) for count in range(1, len(words) + 1)], upper)
    assert outputs[-1].words == tuple(word.upper() for word in words)
    assert policy.cuts[-1] == len(words) and policy.cuts[0] == 2


@pytest.mark.parametrize(
    "make", [lambda: WaitK(k=0), lambda: AgreeingTranslations(agree=1), lambda: AlignAtt(margin=0)]
)
def test_impossible_policies(make):
    with pytest.raises(ValueError, match="at least"):
        make()


def test_impossible_mask():
    with pytest.raises(ValueError, match="mask"):
        MaskedRetranslation(-1)
