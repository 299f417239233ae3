from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.diarization.config import LITE, PUBLISHED
from duplex.models.diarization.features import Features


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 30_000), st.lists(st.integers(0, 30_000), max_size=12), st.sampled_from([LITE, PUBLISHED]))
def test_pieces_of_any_size_equal_the_whole(length: int, cuts: list[int], config) -> None:
    features = Features(config)
    signal = np.random.default_rng(0).standard_normal(length).astype(np.float32) * 0.1
    state = features.initial_state()
    parts = []
    for piece in np.split(signal, sorted(cut for cut in cuts if cut < length)):
        out, state = features.step(piece, state)
        parts.append(out)
    whole = np.concatenate([*parts, features.flush(state)])
    assert whole.shape == (-(-length // features.hop), config.splice)
    np.testing.assert_allclose(whole, features.forward(signal), atol=1e-5)


def test_a_frame_comes_as_soon_as_the_latency_allows() -> None:
    features = Features(LITE)
    assert features.latency == 520
    state = features.initial_state()
    early, state = features.step(np.ones(features.hop + features.latency - 1, np.float32), state)
    just, state = features.step(np.ones(1, np.float32), state)
    assert (len(early), len(just)) == (0, 1)


def test_loudness_does_not_matter() -> None:
    features = Features(LITE)
    signal = np.random.default_rng(1).standard_normal(16_000).astype(np.float32) * 0.3
    loud, soft = features.forward(signal)[:-1], features.forward(signal * 0.1)[:-1]  # the last sees silence after it
    np.testing.assert_allclose(loud, soft, atol=2e-3)


def test_the_mean_is_of_what_was_heard_so_far() -> None:
    features = Features(LITE)
    logmel = np.arange(12.0).reshape(6, 2)
    result = features.without_mean(
        logmel, features.initial_state().__class__(np.zeros(0), np.zeros((0, 2)), np.zeros(2))
    )
    expected = logmel - np.cumsum(logmel, axis=0) / np.arange(1, 7)[:, None]
    np.testing.assert_allclose(result, expected, atol=1e-6)
