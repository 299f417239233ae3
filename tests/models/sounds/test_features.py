from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.features import Features

FEATURES = Features(TaggerConfig())


def sound(seed: int = 0, blocks: int = 5) -> np.ndarray:
    """Bursts of noise, (n,) at about −20 dBFS."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 0.1, blocks * FEATURES.hop)
    return (noise * (0.2 + (np.sin(np.arange(len(noise)) / 4000) > 0))).astype(np.float32)


def test_steps_equal_the_whole_signal() -> None:
    samples, state, parts = sound(), FEATURES.initial_state(), []
    for at in range(0, len(samples), FEATURES.hop):
        planes, state = FEATURES.step(samples[at : at + FEATURES.hop], state)
        parts.append(planes)
    np.testing.assert_allclose(np.concatenate(parts, 1), FEATURES.forward(samples), rtol=0, atol=1e-6)
    assert FEATURES.flush(state).shape == (2, 0, FEATURES.config.mels)


@settings(max_examples=20, deadline=None)
@given(decibels=st.floats(-30, 0), seed=st.integers(0, 5))
def test_the_level_changes_nothing(decibels: float, seed: int) -> None:
    gain = np.float32(10 ** (decibels / 20))
    difference = FEATURES.forward(sound(seed) * gain) - FEATURES.forward(sound(seed))
    assert np.abs(difference).max() < 1e-3


def test_the_gain_is_bounded() -> None:
    """What is far below the quietest level stays there, and digital silence is a number."""
    quiet, silent = FEATURES.forward(sound() * np.float32(1e-4)), FEATURES.forward(sound() * 0)
    assert np.isfinite(silent).all()
    assert quiet[0].mean() < FEATURES.forward(sound())[0].mean() - 1.0
    assert silent[0].max() < quiet[0].min()


def test_a_colour_fades_out_of_the_second_plane() -> None:
    """Steady noise of any colour: each band is near its own mean."""
    noise = np.random.default_rng(0).normal(0, 0.1, 20 * FEATURES.hop)
    coloured = np.convolve(noise, np.hanning(9))[: len(noise)].astype(np.float32)
    planes = FEATURES.forward(coloured)
    tilt = planes[:, -100:].mean(1)
    assert np.ptp(tilt[0]) > 1.0
    assert np.ptp(tilt[1]) < 0.2


def test_a_frame_ends_with_its_samples() -> None:
    """A click changes the frame in which it is, and none before it."""
    config = FEATURES.config
    samples = sound() * np.float32(0.1)
    clicked = samples.copy()
    clicked[30 * config.hop + 10] += 0.5
    changed = np.abs(FEATURES.forward(clicked) - FEATURES.forward(samples)).max((0, 2)) > 1e-4
    assert not changed[:30].any()
    assert changed[30:32].any()
