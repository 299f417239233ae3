"""The level that engines are given speech at."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.restoration.engines.level import LOUD, QUIET, Level

HOP, RATE = 160, 16_000


def heard(level: Level, rms: float, seconds: float) -> Level:
    block = np.full(HOP, rms, np.float32)
    for _ in range(round(seconds * RATE / HOP)):
        level = level.after(block, RATE)
    return level


@pytest.mark.parametrize(("rms", "wanted"), [(0.002, QUIET), (0.05, 0.05), (0.15, 0.15), (0.9, LOUD)])
def test_speech_comes_into_the_range(rms: float, wanted: float) -> None:
    assert heard(Level(), rms, 5).gain * rms == pytest.approx(wanted, rel=0.05)


def test_quiet_before_the_first_word_is_not_made_loud() -> None:
    assert heard(Level(), 1e-4, 0.5).gain < 2


def test_a_pause_raises_nothing_at_once() -> None:
    level = heard(Level(), 0.005, 10)
    assert heard(level, 1e-4, 1.0).gain < 1.3 * level.gain


def test_it_follows_what_becomes_louder_within_half_a_second() -> None:
    level = heard(heard(Level(), 0.005, 20), 0.5, 0.5)
    assert level.gain * 0.5 < 1.1 * LOUD


def test_silence_is_not_made_loud_without_end() -> None:
    assert heard(Level(), 0.0, 300).gain <= 1000
