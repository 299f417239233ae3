"""Replies as loud as those whom they answer, within bounds."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.conversation.speaking.level_match import LOUDER, QUIETER, LevelMatch, active_level


def tone(level_db: float, seconds: float = 2.0, pauses: bool = False) -> np.ndarray:
    time = np.arange(round(seconds * 16_000)) / 16_000
    wave = np.sin(2 * np.pi * 200 * time) * np.sqrt(2.0) * 10.0 ** (level_db / 20.0)
    return (wave * ((time % 0.5 < 0.25) if pauses else 1.0)).astype(np.float32)


def test_pauses_do_not_make_a_voice_quieter() -> None:
    assert active_level(tone(-30.0)) == pytest.approx(-30.0, abs=0.1)
    assert active_level(tone(-30.0, pauses=True)) == pytest.approx(-30.0, abs=0.5)
    assert active_level(np.zeros(16_000, np.float32)) is None and active_level(np.zeros(0, np.float32)) is None


@pytest.mark.parametrize(
    ("heard", "voice", "gain"), [(-26, -20, -6), (-20, -26, 6), (-60, -20, QUIETER), (-5, -30, LOUDER)]
)
def test_the_gain_is_the_difference_of_levels_within_bounds(heard: float, voice: float, gain: float) -> None:
    match = LevelMatch()
    assert match.gain() == 1.0
    match.hear(tone(heard))
    assert match.gain() == 1.0
    match.speak(tone(voice), volume=1.0)
    assert 20 * np.log10(match.gain()) == pytest.approx(gain, abs=0.2)


def test_a_volume_that_was_asked_for_is_not_undone() -> None:
    match = LevelMatch()
    match.hear(tone(-20.0))
    match.speak(tone(-26.0), volume=0.5)
    assert match.gain() == pytest.approx(1.0, abs=0.02)


def test_levels_follow_slowly() -> None:
    match = LevelMatch()
    match.speak(tone(-20.0), volume=1.0)
    match.hear(tone(-20.0))
    match.hear(tone(-30.0, seconds=0.4))
    assert -2.0 < 20 * np.log10(match.gain()) < -0.5
