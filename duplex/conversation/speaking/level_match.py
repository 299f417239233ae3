"""The reply as loud as the person it answers, within bounds: active levels of both, and a gain that one reply keeps."""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import FRAME, SAMPLE_RATE

QUIETER, LOUDER = -12.0, 6.0
"""Bounds of the gain in dB: a whisper is not answered in a whisper, and noise does not make the voice shout."""

ACTIVE = 20.0
"""dB below the loudest frame from which a frame counts as a pause."""

_HORIZON = 4.0  # seconds of speech over which the speaker's level is averaged


def active_level(samples: np.ndarray) -> float | None:
    """Mean power in dBFS of the frames (20 ms) that are no pauses; None for silence. samples: (n,) float32."""
    whole = len(samples) - len(samples) % FRAME
    powers = np.square(samples[:whole].reshape(-1, FRAME), dtype=np.float64).mean(axis=1)
    if not len(powers) or powers.max() < 1e-8:
        return None
    return float(10.0 * np.log10(powers[powers >= powers.max() * 10.0 ** (-ACTIVE / 10.0)].mean()))


class LevelMatch:
    """Levels of one conversation. `hear` takes the speech of whoever is answered, `gain` gives that of a reply."""

    def __init__(self) -> None:
        self._heard: float | None = None
        self._voice: float | None = None

    def hear(self, samples: np.ndarray) -> None:
        """A stretch of speech, 16 kHz."""
        self._heard = _moved(self._heard, active_level(samples), len(samples))

    def speak(self, samples: np.ndarray, volume: float) -> None:
        """What the synthesizer made at this volume, 16 kHz: how loud its voice is."""
        level = active_level(samples)
        if level is not None and volume > 0.0:
            self._voice = _moved(self._voice, level - 20.0 * np.log10(volume), len(samples))

    def gain(self) -> float:
        """Linear; 1 while one of the two is unknown."""
        if self._heard is None or self._voice is None:
            return 1.0
        return float(10.0 ** (np.clip(self._heard - self._voice, QUIETER, LOUDER) / 20.0))


def _moved(before: float | None, level: float | None, samples: int) -> float | None:
    if before is None or level is None:
        return before if level is None else level
    weight = min(1.0, samples / (_HORIZON * SAMPLE_RATE))
    return before + weight * (level - before)
