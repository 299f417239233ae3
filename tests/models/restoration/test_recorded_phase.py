"""Phase reconstruction of recordings: nearer to the magnitudes than live, in step with it, finite for anything."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.restoration.recorded_phase import AHEAD, TOGETHER, RecordedPhase
from duplex.models.restoration.stage import RestorationStage
from duplex.streaming.stage import stream
from tests.models.restoration.signals import convergence, live, magnitudes, recording, speech_like


@pytest.mark.parametrize("seconds", [0.3, 1.5, pytest.param(7.0, marks=pytest.mark.slow)])
def test_it_comes_nearer_to_the_magnitudes_than_live(seconds: float) -> None:
    audio = recording()[: round(seconds * 16_000) // 256 * 256]
    wanted = magnitudes(audio)
    recorded, at_once = (live(RestorationStage("phase", recorded=each), audio) for each in (True, False))
    assert recorded.shape == audio.shape
    assert convergence(wanted, recorded) < convergence(wanted, at_once) - 3


@pytest.mark.slow
def test_sound_stays_where_it_was() -> None:
    audio = np.zeros(6 * 16_000, np.float32)
    for second in (1, 3, 5):  # before, within and behind what is settled together
        audio[16_000 * second : 16_000 * second + 1600] = speech_like(0.1)
    out = live(RestorationStage("phase", recorded=True), audio)
    loud = np.square(out.reshape(-1, 1600)).mean(1)
    assert sorted(np.argsort(loud)[-3:]) == [10, 30, 50]


@pytest.mark.slow
def test_what_comes_later_than_the_latency_changes_nothing() -> None:
    stage = RestorationStage("phase", recorded=True)
    assert stage.latency == 256 * (TOGETHER + AHEAD)
    audio = recording()[: 400 * 256]
    changed = audio.copy()
    changed[200 * 256 :] = 0.3
    before, after = (np.concatenate(list(stream(stage, each.reshape(-1, 256)))) for each in (audio, changed))
    np.testing.assert_array_equal(before[: 200 * 256], after[: 200 * 256])
    assert not np.array_equal(before, after)


def test_the_state_is_bounded() -> None:
    phase = RecordedPhase(iterations=1, rounds=1)
    state = phase.initial_state()
    sizes = set()
    for number in range(4 * TOGETHER):
        _, state = phase.step(np.full(256, 0.1, np.float32), np.zeros((2, 256), np.float32), state)
        if number >= TOGETHER + AHEAD:
            sizes.add(len(state.blocks) + len(state.ready))
    assert max(sizes) <= 2 * (TOGETHER + AHEAD)


@pytest.mark.parametrize("level", [0.0, 1e-38, 1e-6, 1e3])
def test_any_level_is_finite(level: float) -> None:
    phase = RecordedPhase(iterations=4, rounds=20)
    state = phase.initial_state()
    for _ in range(2 * TOGETHER + AHEAD):
        out, state = phase.step(np.full(256, level, np.float32), np.zeros((2, 256), np.float32), state)
        assert np.isfinite(out).all() and np.abs(out).max() <= 100 * level
