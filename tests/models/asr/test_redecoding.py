"""The growing buffer: the same words as at once, in bounded memory, whatever the length."""

from __future__ import annotations

import copy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.models.asr.contract import Hypothesis, Word
from duplex.models.asr.redecoding import Redecoding
from duplex.streaming.errors import SettingsError, StageError

SECOND = 16_000
LENGTH = 4000
few = settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.too_slow])


class Levels(Redecoding):
    """Hears words in the signal itself: each is a quarter of a second of a constant level, its number / 1000.

    A word of which less than half is there is heard wrong, as a real recognizer does at the edges of its buffer.
    """

    name = "levels"

    def __init__(self, **policy: float) -> None:
        super().__init__(**policy)
        self.longest = 0
        self.passes = 0

    def transcribe(self, samples: np.ndarray) -> list[Word]:
        self.longest = max(self.longest, len(samples))
        self.passes += 1
        numbers = np.rint(samples * 1000).astype(int)
        edges = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
        return [
            Word(f"w{numbers[start]}" if end - start >= LENGTH // 2 else "uh", start, end)
            for start, end in pairwise(edges)
            if numbers[start] and end - start >= LENGTH // 8
        ]


def speak(numbers: list[int]) -> np.ndarray:
    """Zero is a pause. No two neighbours alike, for those are one word to `Levels`."""
    return np.repeat(np.array(numbers, np.float32) / 1000, LENGTH)


def hear(recognizer: Redecoding, samples: np.ndarray) -> list[Hypothesis]:
    state, hypotheses = recognizer.initial_state(), []
    for at in range(0, len(samples) - recognizer.hop + 1, recognizer.hop):
        hypothesis, state = recognizer.step(samples[at : at + recognizer.hop], state)
        hypotheses += [hypothesis] if hypothesis is not None else []
    return [*hypotheses, recognizer.flush(state)]


@few
@given(st.lists(st.integers(0, 50), min_size=1, max_size=80))
def test_where_sound_waits_fewer_passes_hear_the_same_words(numbers: list[int]) -> None:
    samples = speak(different(numbers))
    usual, late = Levels(interval=0.5, window=6.0), Levels(interval=0.5, window=6.0)
    words = hear(usual, samples)[-1].words
    state = late.initial_state()
    for at in range(0, len(samples) - late.hop + 1, late.hop):
        chunk = samples[at : at + late.hop]
        if not late.hold(chunk, state):
            _, state = late.step(chunk, state)
    assert [word.text for word in late.flush(state).words] == [word.text for word in words]
    assert late.longest <= 6 * SECOND and late.passes <= 2 + len(samples) // (2 * SECOND)


def different(numbers: list[int]) -> list[int]:
    return [number for before, number in zip([None, *numbers[:-1]], numbers, strict=True) if number != before]


@few
@given(st.lists(st.integers(0, 9), min_size=1, max_size=120).map(different), st.sampled_from([0.3, 0.5, 1.0]))
def test_a_long_utterance_comes_out_whole_and_nothing_is_taken_back(numbers: list[int], interval: float) -> None:
    recognizer = Levels(interval=interval, window=5.0)
    numbers = [*numbers, 0, 0]
    numbers += [0] * (-len(numbers) % 2)  # a whole number of hops
    hypotheses = hear(recognizer, speak(numbers))
    before: list[str] = []
    for hypothesis in hypotheses:
        texts = [word.text for word in hypothesis.words]
        assert texts[: len(before)] == before
        before = texts[: hypothesis.stable]
    assert hypotheses[-1].final
    assert before == [f"w{number}" for number in numbers if number]
    places = [index * LENGTH for index, number in enumerate(numbers) if number]
    assert [word.start for word in hypotheses[-1].words] == places


def test_the_cost_of_a_pass_does_not_grow_with_the_utterance() -> None:
    recognizer = Levels(interval=0.5, window=5.0)
    hear(recognizer, speak([1 + index % 9 for index in range(600)]))
    assert recognizer.longest <= recognizer.window
    assert recognizer.passes <= 300


def test_the_buffer_shrinks_though_nothing_ever_becomes_stable() -> None:
    class Undecided(Levels):
        def transcribe(self, samples: np.ndarray) -> list[Word]:
            super().transcribe(samples)
            return [Word(f"guess{self.passes}", 0, len(samples))]

    recognizer = Undecided(interval=0.5, window=4.0)
    final = hear(recognizer, speak([1] * 120))[-1]
    assert recognizer.longest <= recognizer.window
    assert final.words


def test_a_hypothesis_comes_only_when_there_is_a_new_one() -> None:
    recognizer = Levels(interval=0.5)
    hypotheses = hear(recognizer, speak([3, 0, 0, 0, 0, 0, 0, 0, 0, 0]))
    assert [(h.text, h.stable, h.final) for h in hypotheses] == [("w3", 0, False), ("w3", 1, False), ("w3", 1, True)]


def test_a_pause_behind_stable_words_is_not_decoded_again_until_there_is_sound() -> None:
    recognizer = Levels(interval=0.5)
    hear(recognizer, speak([3, *[0] * 30]))
    pause = recognizer.passes
    assert pause <= 4  # two that agree, one since it looks like a number, and the last
    recognizer = Levels(interval=0.5)
    assert hear(recognizer, speak([3, *[0] * 30, 5, 0]))[-1].text == "w3 w5"
    assert recognizer.passes <= pause + 2


def test_after_a_cut_little_is_left_to_decode() -> None:
    recognizer = Levels(interval=0.5, window=6.0, keep=2.0)
    state, most = recognizer.initial_state(), 0
    samples = speak([1 + index % 9 for index in range(200)])
    for at in range(0, len(samples), recognizer.hop):
        before = len(state.buffer)
        _, state = recognizer.step(samples[at : at + recognizer.hop], state)
        if len(state.buffer) < before:
            most = max(most, len(state.buffer))
    assert 0 < most <= 2 * SECOND


def test_flush_does_not_decode_again_what_has_been_decoded() -> None:
    recognizer = Levels(interval=0.5)
    hear(recognizer, speak([3, 0]))
    assert recognizer.passes == 1


@few
@given(st.lists(st.integers(1, 9), min_size=1, max_size=12), st.integers(0, 12))
def test_a_look_is_what_a_flush_would_say_and_disturbs_nothing(numbers: list[int], at: int) -> None:
    numbers = different(numbers)
    looked, untouched = Levels(interval=0.5, window=4.0), Levels(interval=0.5, window=4.0)
    samples = speak(numbers)
    hops = [samples[place : place + looked.hop] for place in range(0, len(samples) - looked.hop + 1, looked.hop)]
    state, alone = looked.initial_state(), untouched.initial_state()
    for index, hop in enumerate(hops):
        _, state = looked.step(hop, state)
        _, alone = untouched.step(hop, alone)
        if index == at:
            found = looked.peek(state)
            passes = looked.passes
            assert not found.final and looked.peek(state) == found and looked.passes == passes
            assert found.text == looked.flush(copy.deepcopy(state)).text
            assert state.last is found
    assert looked.flush(state).text == untouched.flush(alone).text


def test_a_look_hears_what_does_not_fill_a_block_yet() -> None:
    recognizer = Levels(interval=0.5)
    state, samples = recognizer.initial_state(), speak([3, 4])
    whole = LENGTH + LENGTH // 2 - (LENGTH + LENGTH // 2) % recognizer.hop
    for at in range(0, whole, recognizer.hop):
        _, state = recognizer.step(samples[at : at + recognizer.hop], state)
    rest = samples[whole : LENGTH + LENGTH // 2]
    assert 0 < len(rest) < recognizer.hop
    assert recognizer.peek(state).text == "w3 uh"
    assert recognizer.peek(state, rest).text == "w3 w4"
    assert recognizer.peek(state, rest).words[-1].end == LENGTH + LENGTH // 2
    for at in range(whole, len(samples), recognizer.hop):
        _, state = recognizer.step(samples[at : at + recognizer.hop], state)
    assert recognizer.flush(state).text == "w3 w4"


def test_nothing_heard_is_a_final_hypothesis_without_words() -> None:
    assert hear(Levels(), np.zeros(0, np.float32)) == [Hypothesis((), 0, True)]


def test_what_it_cannot_do_is_said() -> None:
    for wrong in ({"interval": 0.01}, {"interval": 9.0}, {"window": 60.0}, {"agree": 1}, {"keep": 12.0}):
        with pytest.raises(SettingsError):
            Levels(**wrong)
    with pytest.raises(StageError, match="one utterance per state"):
        Levels().initial_state(2)
    with pytest.raises(StageError, match="takes 1600 samples"):
        Levels().step(np.zeros(100, np.float32), Levels().initial_state())
