"""The trie of hotwords, over a vocabulary of single bytes."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.asr.moonshine.hotwords import HotwordBias, hotwords_of
from duplex.models.asr.moonshine.tokens import Tokens

TOKENS = Tokens([b"<unk>", b"<s>", b"</s>", *(bytes([value]) for value in range(256))])


def raised(bias: HotwordBias, text: str) -> set[str]:
    logits = np.zeros(len(TOKENS.texts), np.float32)
    bias.apply(logits, TOKENS.encode(text))
    assert (logits >= 0).all()
    return {TOKENS.texts[token].decode() for token in np.flatnonzero(logits)}


def test_what_may_follow_is_raised() -> None:
    bias = HotwordBias(["ann", "anton", "bo"], TOKENS)
    assert raised(bias, "") == {" "}
    assert raised(bias, " ") == {" ", "a", "b"}
    assert raised(bias, "hello ban") == {" "}
    assert raised(bias, "so an") == {" ", "n", "t"}
    assert raised(bias, "so ann") == {" "}
    assert raised(bias, "so x") == {" "}


def test_going_on_counts_more_than_beginning() -> None:
    logits = np.zeros(len(TOKENS.texts), np.float32)
    HotwordBias(["ann"], TOKENS).apply(logits, TOKENS.encode(" a"))
    assert logits[TOKENS.encode("n")[0]] > logits[TOKENS.encode(" ")[0]] > 0


def test_the_setting_is_words_between_commas() -> None:
    assert hotwords_of(" Duplex, Ann  Lee ,,Duplex") == ("Duplex", "Ann Lee")
    assert hotwords_of("") == ()


@pytest.mark.parametrize("likely", [0.5, 20.0])
def test_a_hotword_wins_only_where_it_is_near(likely: float) -> None:
    logits = np.zeros(len(TOKENS.texts), np.float32)
    other, wanted = TOKENS.encode("x")[0], TOKENS.encode("n")[0]
    logits[other] = likely
    HotwordBias(["ann"], TOKENS).apply(logits, TOKENS.encode(" an"))
    assert int(logits.argmax()) == (wanted if likely < 4 else other)
