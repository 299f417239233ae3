"""Times of tokens out of attention that is known."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.asr.moonshine.attention_times import alignment, sharpness, token_times

FRAME = 384


def looking_at(spans: list[tuple[int, int]], frames: int) -> np.ndarray:
    """Attention, (tokens, 6 layers, 8 heads, frames), of heads that all look at the frames of their token."""
    out = np.full((len(spans), 6, 8, frames), 1e-5, np.float32)
    for token, (start, end) in enumerate(spans):
        out[token, :, :, start:end] = 1.0
    return out / out.sum(-1, keepdims=True)


def speech(spans: list[tuple[int, int]], frames: int) -> np.ndarray:
    samples = np.random.default_rng(0).normal(0, 1e-4, frames * FRAME)
    for start, end in spans:
        samples[start * FRAME : end * FRAME] *= 1000
    return samples.astype(np.float32)


def test_words_are_where_attention_is() -> None:
    spans = [(10, 20), (20, 32), (50, 60)]
    times = token_times(alignment(looking_at(spans, 80)), [True] * 3, speech(spans, 80))
    for (start, end), (first, last) in zip(times, spans, strict=True):
        assert abs(start - first * FRAME) <= 2 * FRAME
        assert abs(end - last * FRAME) <= 2 * FRAME


def test_a_word_goes_on_while_it_sounds() -> None:
    looked, sounding = [(10, 14), (40, 50)], [(10, 20), (40, 50)]
    times = token_times(alignment(looking_at(looked, 60)), [True, True], speech(sounding, 60))
    assert abs(times[0][1] - 20 * FRAME) <= 2 * FRAME


@settings(deadline=None)
@given(
    tokens=st.integers(1, 30),
    frames=st.integers(1, 60),
    seed=st.integers(0, 1000),
    layout=st.sampled_from([(6, 8), (8, 8), (3, 4)]),
)
def test_times_are_in_order_whatever_attention_says(
    tokens: int, frames: int, seed: int, layout: tuple[int, int]
) -> None:
    rng = np.random.default_rng(seed)
    weights = alignment(rng.random((tokens, *layout, frames)).astype(np.float32))
    samples = rng.normal(0, 0.1, frames * FRAME).astype(np.float32)
    times = token_times(weights, [bool(flag) for flag in rng.integers(0, 2, tokens)], samples)
    assert len(times) == tokens
    assert all(0 <= start <= end <= len(samples) for start, end in times)
    assert all(before[0] <= after[0] for before, after in pairwise(times))


def test_spread_attention_is_less_sharp() -> None:
    narrow, wide = looking_at([(10, 13)], 100), looking_at([(0, 100)], 100)
    assert sharpness(alignment(narrow)) == pytest.approx(1.0, abs=0.01)
    assert sharpness(alignment(wide)) == pytest.approx(0.05, abs=0.01)
