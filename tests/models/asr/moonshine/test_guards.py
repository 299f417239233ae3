"""No words where nobody speaks, and no endless ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.asr.moonshine.guards import believable, unrepeated, voiced

SECOND = 16_000


def buzz(pitch: float, seconds: float, level: float = 0.1) -> np.ndarray:
    time = np.arange(round(seconds * SECOND)) / SECOND
    return (level * np.sign(np.sin(2 * np.pi * pitch * time))).astype(np.float32)


@pytest.mark.parametrize("pitch", [80, 120, 220, 350])
@pytest.mark.parametrize("level", [0.0005, 0.1, 1.0])
def test_a_pitch_is_a_voice(pitch: float, level: float) -> None:
    quiet = np.zeros(SECOND, np.float32)
    assert voiced(np.concatenate([quiet, buzz(pitch, 0.2, level), quiet]))


def test_silence_and_hiss_are_none() -> None:
    rng = np.random.default_rng(0)
    assert not voiced(np.zeros(SECOND, np.float32))
    assert not voiced(np.zeros(0, np.float32))
    for level in (1e-5, 1e-3, 0.1):
        assert not voiced(rng.normal(0, level, 2 * SECOND).astype(np.float32))


def test_a_click_is_none() -> None:
    click = np.zeros(SECOND, np.float32)
    click[8000:8040] = 0.5
    assert not voiced(click)


def test_what_is_sure_is_believed_and_what_noise_makes_is_not() -> None:
    assert believable("What time is it?", [-0.1] * 6, 0.78)
    assert not believable("♪♪♪♪", [-0.1] * 4, 0.78)
    assert not believable("Thank you.", [-1.2, -0.8, -0.3], 0.4)
    assert not believable("", [], 0.0)


def test_a_long_text_with_guesses_in_it_is_not_believed() -> None:
    sure, guessed = [-0.2] * 12, [-0.2] * 9 + [-3.0] * 3
    assert believable("So this is what we are going to do today now", sure, 0.5)
    assert not believable("So this is what we are going to do today now", guessed, 0.5)
    assert believable("So this is what we are going to do today now", guessed, 0.75)


@pytest.mark.parametrize("text", ["2-3\u0e15\u0e27\u0e1a\u0e19", "\u00a9 transcript Emily Beynon", "\u4f60\u597d"])
def test_what_english_has_no_letters_for_was_not_said(text: str) -> None:
    assert not believable(text, [-0.1] * 4, 0.78)
    assert believable("Caf\u00e9 Beynon", [-0.1] * 4, 0.78)
    assert believable("Stop.", [-0.5, -0.2], 0.68)


def test_loops_are_cut_to_one_run() -> None:
    assert unrepeated([5, 6, 7] + [1, 2, 3] * 8 + [1]) == 6
    assert unrepeated([9] * 40) == 1
    assert unrepeated([4, 4, 4, 8]) == 4
    assert unrepeated([4, 4, 4]) == 3


@settings(deadline=None)
@given(head=st.lists(st.integers(0, 50), max_size=12), loop=st.lists(st.integers(51, 60), min_size=1, max_size=8))
def test_any_loop_ends(head: list[int], loop: list[int]) -> None:
    kept = unrepeated(head + loop * 8)
    assert len(head) <= kept <= len(head) + len(loop)


@settings(deadline=None)
@given(tokens=st.lists(st.integers(0, 10_000), max_size=60, unique=True))
def test_what_does_not_repeat_is_kept(tokens: list[int]) -> None:
    assert unrepeated(tokens) == len(tokens)
