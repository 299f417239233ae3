"""Phase reconstruction: magnitudes come out as asked for, no look-ahead, finite for anything."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.restoration.offline import rebuild_phase
from duplex.models.restoration.phase import PhaseReconstruction
from tests.models.restoration.signals import convergence, magnitudes, speech_like


def test_rebuilds_what_has_the_same_magnitudes() -> None:
    wanted = magnitudes(speech_like(1.5))
    rng = np.random.default_rng(0)
    random = np.fft.irfft(np.pad(wanted * np.exp(2j * np.pi * rng.random(wanted.shape)), ((0, 0), (0, 1))))
    random_phase = (random[1:, :256] + random[:-1, 256:]).ravel().astype(np.float32) * 16
    rebuilt = rebuild_phase(wanted)
    assert convergence(wanted, rebuilt) < -10
    assert convergence(wanted, rebuilt) < convergence(wanted, random_phase) - 6


def test_more_iterations_come_closer() -> None:
    wanted = magnitudes(speech_like(1.0))
    assert (
        convergence(wanted, rebuild_phase(wanted, steps=4)) < convergence(wanted, rebuild_phase(wanted, steps=1)) + 0.5
    )


def test_is_causal() -> None:
    wanted = magnitudes(speech_like(0.6))
    changed = wanted.copy()
    changed[20:] = 3
    np.testing.assert_array_equal(rebuild_phase(changed)[: 19 * 256], rebuild_phase(wanted)[: 19 * 256])


@pytest.mark.parametrize("level", [0.0, 1e-38, 1e-6, 1e3])
def test_any_level_is_finite(level: float) -> None:
    rebuild = PhaseReconstruction()
    state = rebuild.initial_state()
    for _ in range(10):
        out, state = rebuild.step(np.full(256, level, np.float32), np.zeros((2, 256), np.float32), state)
        assert np.isfinite(out).all() and np.abs(out).max() <= 100 * level
