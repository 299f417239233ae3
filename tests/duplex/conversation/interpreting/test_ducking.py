"""The original under its translation."""

from __future__ import annotations

import numpy as np

from duplex.conversation.interpreting.ducking import DUCKED, HOLD, Ducking

HOP = 160
LOUD = np.full(HOP, 0.1, np.float32)


def last(ducking: Ducking, translation: np.ndarray | None, blocks: int) -> float:
    gain = None
    for _ in range(blocks):
        gain = ducking.gain(translation, HOP)
    return 1.0 if gain is None else float(gain[-1])


def test_it_is_turned_down_while_the_translation_sounds_and_comes_back_behind_it() -> None:
    ducking = Ducking()
    assert ducking.gain(None, HOP) is None and ducking.gain(np.zeros(HOP, np.float32), HOP) is None
    assert last(ducking, LOUD, 20) == np.float32(DUCKED)
    assert last(ducking, None, HOLD // HOP - 1) == np.float32(DUCKED), "a pause between two sentences"
    assert DUCKED < last(ducking, None, 10) < 1.0
    assert last(ducking, None, 60) == 1.0 and ducking.gain(None, HOP) is None


def test_no_step_is_heard() -> None:
    ducking = Ducking()
    gains = [ducking.gain(LOUD if 10 <= n < 60 else None, HOP) for n in range(200)]
    whole = np.concatenate([np.ones(HOP, np.float32) if gain is None else gain for gain in gains])
    assert np.abs(np.diff(whole)).max() < 0.001
