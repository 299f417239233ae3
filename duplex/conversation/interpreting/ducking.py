"""The original under its translation: turned down while the translation sounds, and back up behind it."""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

DUCKED = 0.2
"""Gain of the original under the translation: -14 dB, heard and not in the way."""

DOWN, UP = 0.1, 0.4
"""Seconds in which it is turned down and up."""

HOLD = round(0.5 * SAMPLE_RATE)
"""Samples that it stays down behind the translation's last sound: the pause between two sentences."""

AUDIBLE = 1e-3


class Ducking:
    """The gain over time, block by block."""

    def __init__(self) -> None:
        self._gain = 1.0
        self._held = 0

    def gain(self, translation: np.ndarray | None, count: int) -> np.ndarray | None:
        """translation: (count,) float32 of the block, or None for silence. Returns (count,) float32; None: it is 1."""
        if translation is not None and float(np.abs(translation).max(initial=0.0)) > AUDIBLE:
            self._held = HOLD
        goal = DUCKED if self._held > 0 else 1.0
        self._held = max(0, self._held - count)
        if self._gain == goal == 1.0:
            return None
        step = (1.0 - DUCKED) * count / SAMPLE_RATE
        before = self._gain
        self._gain = max(goal, before - step / DOWN) if goal < before else min(goal, before + step / UP)
        return np.linspace(before, self._gain, count, dtype=np.float32)
