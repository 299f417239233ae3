"""Whisper's log-mel features, on a stream and without anything of the future.

Whisper clamps a whole recording at 8 below its largest value, so every frame of it knows the loudest moment to come.
Here the largest value *so far* stands in for that: a frame equals the recording's wherever nothing after it is louder.
(Radford et al. 2022, "Robust speech recognition via large-scale weak supervision", section 2.2.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.errors import StageError
from duplex.streaming.mel import mel_bands

HOP = 160
WINDOW = 400
HALF = WINDOW // 2
FLOOR = 1e-10
"""Energy below which a band counts as silent."""
RANGE = 8.0
"""Decades below the largest value at which everything is clamped."""


@dataclass(slots=True)
class MelState:
    """pending: samples not yet used, the first of them HALF before the next frame's middle; before the first frame, all
    that was heard. top: the largest value so far. heard: samples. given: frames."""

    pending: np.ndarray
    top: float = -np.inf
    heard: int = 0
    given: int = 0


class StreamingLogMel:
    """A stage from samples to frames (n, mels) float32. Frame k is centred on sample k * HOP; the beginning is mirrored
    as Whisper does, the end is followed by silence. Chunks may have any size.

    Raises StageError for a batch.
    """

    hop = HOP
    latency = HALF
    sample_rate = SAMPLE_RATE

    def __init__(self, mels: int = 128) -> None:
        self.mels = mels
        self._bands = mel_bands(SAMPLE_RATE, WINDOW, mels).T.astype(np.float64)
        self._window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)

    def initial_state(self, batch: int = 1) -> MelState:
        if batch != 1:
            raise StageError("log-mel features are of one stream at a time")
        return MelState(np.zeros(0, np.float32))

    def step(self, chunk: np.ndarray, state: MelState) -> tuple[np.ndarray, MelState]:
        """chunk: (n,) float32. Returns the frames that are complete."""
        state.pending = np.concatenate([state.pending, chunk])
        state.heard += len(chunk)
        if not state.given:
            if len(state.pending) <= HALF:
                return np.zeros((0, self.mels), np.float32), state
            frames, top = self._frames(_mirrored(state.pending), state.top)
            used = len(frames) * HOP - HALF
        else:
            frames, top = self._frames(state.pending, state.top)
            used = len(frames) * HOP
        if len(frames):
            # Of the first frames, the mirrored samples are not in `pending`: what has to stay of them is put there.
            rest = state.pending[used:] if used >= 0 else _mirrored(state.pending)[len(frames) * HOP :]
            state.pending, state.top = rest.copy(), top
            state.given += len(frames)
        return frames, state

    def flush(self, state: MelState) -> np.ndarray:
        """The frames whose middle has been heard, silence assumed after it."""
        missing = -(-state.heard // HOP) - state.given
        if missing <= 0:
            return np.zeros((0, self.mels), np.float32)
        frames, _ = self.step(np.zeros(WINDOW + HOP, np.float32), state)
        return frames[:missing]

    def forward(self, samples: np.ndarray) -> np.ndarray:
        """(n,) to (ceil(n / HOP), mels)."""
        count = -(-len(samples) // HOP)
        if not count:
            return np.zeros((0, self.mels), np.float32)
        whole = np.concatenate([samples, np.zeros(WINDOW + HOP, np.float32)])
        return self._frames(_mirrored(whole), -np.inf)[0][:count]

    def _frames(self, samples: np.ndarray, top: float) -> tuple[np.ndarray, float]:
        """The frames that fit into `samples`, and the largest value with them."""
        count = (len(samples) - WINDOW) // HOP + 1
        if count <= 0:
            return np.zeros((0, self.mels), np.float32), top
        windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP][:count]
        spectrum = np.fft.rfft(windows * self._window, axis=1)
        logmel = np.log10(np.maximum((spectrum.real**2 + spectrum.imag**2) @ self._bands, FLOOR))
        tops = np.maximum.accumulate(np.maximum(logmel.max(axis=1), top))
        clamped = np.maximum(logmel, tops[:, None] - RANGE)
        return ((clamped + 4.0) / 4.0).astype(np.float32), float(tops[-1])


def _mirrored(samples: np.ndarray) -> np.ndarray:
    """With HALF samples before the first, mirrored about it. Needs more than HALF samples."""
    return np.concatenate([samples[HALF:0:-1], samples])
