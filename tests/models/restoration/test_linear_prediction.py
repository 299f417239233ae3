"""Linear prediction goes on as a signal went, and never grows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from duplex.models.restoration.linear_prediction import burg, extrapolate


def test_a_sum_of_tones_goes_on() -> None:
    time = np.arange(1280) / 16_000
    tones = sum(np.sin(2 * np.pi * hertz * time + hertz) for hertz in (220.0, 640.0, 1930.0))
    further = extrapolate(tones[:1024].astype(np.float32), 256)
    assert np.linalg.norm(further - tones[1024:]) < 0.1 * np.linalg.norm(tones[1024:])


def test_the_coefficients_of_a_known_process() -> None:
    rng = np.random.default_rng(0)
    signal = np.zeros(20_000)
    for at in range(2, len(signal)):
        signal[at] = 1.6 * signal[at - 1] - 0.8 * signal[at - 2] + rng.standard_normal()
    np.testing.assert_allclose(burg(signal, 2), [-1.6, 0.8], atol=0.02)


@pytest.mark.parametrize("level", [0.0, 1e-42, 1e-30, 1.0, 1e30])
def test_any_level(level: float) -> None:
    heard = np.sin(np.arange(512) * 0.3).astype(np.float32) * np.float32(level)
    further = extrapolate(heard, 256)
    assert np.isfinite(further).all() and np.abs(further).max() <= np.abs(heard).max()


@given(arrays(np.float32, st.integers(17, 300), elements=st.floats(-1, 1, width=32)))
def test_never_louder_than_what_was_heard(heard: np.ndarray) -> None:
    further = extrapolate(heard, 200)
    assert np.isfinite(further).all() and np.abs(further).max() <= np.abs(heard).max()
