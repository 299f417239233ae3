"""Crosstalk between the sides of a call taken out: a party is not heard a second time on the other's side."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

FRAME_SECONDS = 0.02
BEFORE, AFTER = 10, 3
"""Frames around each in which the other side's level counts: an echo comes up to 200 ms later."""

_QUIET = 1e-10


class CrosstalkGate:
    """Turns a side down while the other is louder than crosstalk would need.

    distance: (2,) decibels; the left side is turned down where the right is louder by distance[0], and so on.
    Blocks of (n, 2) in, the same number of samples out in all; 60 ms are held back.
    """

    def __init__(self, distance: np.ndarray, rate: int) -> None:
        self._ratio = 10.0 ** (np.asarray(distance) / 10)
        self._frame = max(1, round(FRAME_SECONDS * rate))
        self._held = np.zeros((0, 2), np.float32)
        self._energy = np.zeros((BEFORE, 2))
        self._gain = np.ones((1, 2))

    def push(self, block: np.ndarray) -> np.ndarray:
        self._held = np.concatenate([self._held, block])
        return self._gated(len(self._held) // self._frame - AFTER)

    def flush(self) -> np.ndarray:
        rest = len(self._held)
        missing = (AFTER + 1) * self._frame + (-rest) % self._frame
        self._held = np.concatenate([self._held, np.zeros((missing, 2), np.float32)])
        return self._gated(len(self._held) // self._frame - AFTER)[:rest]

    def _gated(self, count: int) -> np.ndarray:
        """The first `count` frames of those held; AFTER more must be there."""
        if count <= 0:
            return np.zeros((0, 2), np.float32)
        size = self._frame
        power = np.square(self._held[: (count + AFTER) * size].reshape(-1, size, 2)).mean(axis=1)
        energy = np.concatenate([self._energy, power])
        around = np.lib.stride_tricks.sliding_window_view(energy, BEFORE + AFTER + 1, axis=0).max(axis=-1)
        own = power[:count]
        crosstalk = around[:, ::-1] > self._ratio * (own + _QUIET)
        gain = np.where(crosstalk, 0.0, 1.0)  # recognizers hear crosstalk at any level
        # From one frame's gain to the next without a step.
        before = np.concatenate([self._gain, gain[:-1]])
        ramp = np.linspace(0.0, 1.0, size, endpoint=False)[None, :, None]
        curve = before[:, None] * (1 - ramp) + gain[:, None] * ramp
        out = (self._held[: count * size].reshape(-1, size, 2) * curve).reshape(-1, 2).astype(np.float32)
        self._held = self._held[count * size :]
        self._energy = energy[count : count + BEFORE]
        self._gain = gain[-1:]
        return out


def gated(blocks: Iterator[np.ndarray], distance: np.ndarray, rate: int) -> Iterator[np.ndarray]:
    """Blocks of (n, 2) without the crosstalk between their sides."""
    gate = CrosstalkGate(distance, rate)
    for block in blocks:
        out = gate.push(block)
        if len(out):
            yield out
    out = gate.flush()
    if len(out):
        yield out
