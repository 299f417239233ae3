"""The level of what is heard, so that networks which learned from speech of one level get speech of that level.

It rises with the sound and falls slowly, so that it is that of the speech, and pauses between sentences do not raise
the noise in them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

QUIET, LOUD = 0.04, 0.2
"""Root mean square (-28 and -14 dBFS) between which the level is left as it is; other speech is brought to the nearer.
The networks are used to such levels, and a gain that moves costs quality: 0.1 PESQ and 0.9 dB SI-SDR (DeepFilterNet3).
"""

_RISE, _FALL = 0.2, 5.0
"""Seconds: over which power is averaged, and in which the level falls to 1/e of its power."""

_DOUBT = 0.5
"""The same, of the level that is expected until something is heard: what is quiet before the first word stays so."""

_SOFTEST = 1e-4
"""Root mean square below which nothing is made louder."""


@dataclass(frozen=True, slots=True)
class Level:
    """recent: mean power of the last moments. held: the largest of late, the level. fall: its time, in seconds."""

    recent: float = 0.0
    held: float = QUIET**2
    fall: float = _DOUBT

    @property
    def gain(self) -> float:
        """That brings the level between QUIET and LOUD."""
        heard = max(math.sqrt(self.held), _SOFTEST)
        return min(max(heard, QUIET), LOUD) / heard

    def after(self, block: np.ndarray, sample_rate: int) -> Level:
        """The level once another block (n,) has been heard."""
        seconds = len(block) / sample_rate
        share = 1 - math.exp(-seconds / _RISE)
        recent = self.recent + share * (float(np.mean(np.square(block, dtype=np.float64))) - self.recent)
        falling = self.held * math.exp(-seconds / self.fall)
        return Level(recent, falling, self.fall) if falling > recent else Level(recent, recent, _FALL)
