from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from duplex.streaming.limiter import soft_limit

LEVELS = st.floats(-50, 50, width=32)


@settings(deadline=None)
@given(hnp.arrays(np.float32, st.integers(0, 64), elements=LEVELS))
def test_stays_in_range_keeps_sign_and_order(samples):
    limited = soft_limit(samples)
    assert limited.dtype == np.float32
    assert limited.shape == samples.shape
    assert np.all(np.abs(limited) <= 1.0)
    assert np.all(np.sign(limited) == np.sign(samples))
    assert np.all(np.diff(limited[np.argsort(samples)]) >= 0)


@settings(deadline=None)
@given(hnp.arrays(np.float32, 32, elements=st.floats(-0.75, 0.75, width=32)))
def test_what_is_below_the_knee_is_untouched(samples):
    assert np.array_equal(soft_limit(samples), samples)


def test_the_slope_has_no_step_at_the_knee():
    near = np.linspace(0.79, 0.81, 401, dtype=np.float64)
    slopes = np.diff(soft_limit(near)) / np.diff(near)
    assert np.all(np.abs(np.diff(slopes)) < 0.01)
    assert slopes[0] == 1.0 or abs(slopes[0] - 1.0) < 1e-9


def test_a_limited_sine_has_little_distortion_just_above_the_knee():
    sine = 0.95 * np.sin(2 * np.pi * 50 * np.arange(8000) / 8000)
    spectrum = np.abs(np.fft.rfft(soft_limit(sine)))
    harmonics = np.sqrt(np.sum(np.square(spectrum[100::50])))
    assert harmonics / spectrum[50] < 0.03
