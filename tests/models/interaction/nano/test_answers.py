"""Answers on a branch of the state: what is well formed is read, what is not says so, and the state stays."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.interaction.nano.answers import Drafted, draft
from duplex.models.interaction.nano.gate import NanoGate
from duplex.models.interaction.nano.vocabulary import END, NUMBER, Vocabulary


class Dictating:
    """A graph that writes given tokens, whatever it reads."""

    threshold = 0.5

    def __init__(self, tokens: list[int], size: int) -> None:
        self._tokens, self._size = tokens, size

    def initial_cache(self) -> np.ndarray:
        return np.zeros((1, 2, 1, 0, 2), np.float32)

    def step(self, ids, cache: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        place = cache.shape[3]
        logits = np.zeros(self._size, np.float32)
        logits[self._tokens[min(place, len(self._tokens) - 1)]] = 1.0
        more = np.zeros((*cache.shape[:3], len(ids), cache.shape[4]), np.float32)
        return logits, np.concatenate([cache, more], axis=3)


def drafted(tokens: list[int], vocabulary: Vocabulary, **options) -> Drafted:
    gate = NanoGate(Dictating(tokens, len(vocabulary)), vocabulary)  # type: ignore[arg-type]
    state = gate.initial_state()
    found = draft(gate, state, **options)
    assert state.cache.shape[3] == 0, "the answer is written on a branch"
    return found


def call(vocabulary: Vocabulary, text: str) -> list[int]:
    return [NUMBER["<call>"], *vocabulary.encode(text)]


def test_a_spoken_answer(vocabulary) -> None:
    tokens = [NUMBER["<say>"], *vocabulary.encode("Is that all?"), END]
    assert drafted(tokens, vocabulary) == Drafted("Is that all?")


def test_calls_of_tools(vocabulary) -> None:
    tokens = [*call(vocabulary, 'set_timer {"seconds":90}'), *call(vocabulary, "current_time {}"), END]
    assert drafted(tokens, vocabulary).calls == (("set_timer", {"seconds": 90}), ("current_time", {}))


@pytest.mark.parametrize("text", ["set_timer", 'set_timer {"seconds":', "set_timer [1]", "set_timer {} {}", ""])
def test_arguments_that_are_no_object(vocabulary, text: str) -> None:
    assert drafted([*call(vocabulary, text), END], vocabulary) == Drafted(complete=False)


def test_an_answer_without_an_end(vocabulary) -> None:
    tokens = [NUMBER["<say>"], vocabulary.encode("all")[-1]]
    assert drafted(tokens, vocabulary, longest=20) == Drafted(complete=False)


def test_an_empty_answer(vocabulary) -> None:
    assert drafted([NUMBER["<say>"], END], vocabulary) == Drafted(complete=False)
