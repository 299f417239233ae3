"""A stage applied to audio of any sample rate, leaving what lies above 8 kHz as it is.

    out = x + mix · up(y - down(x)),   y = stage(down(x))

Only the change that the stage makes is brought back to the audio's own rate and added to the original, aligned to the
sample. So the band above the stage's reach is the original's, in phase; a stage that changes nothing gives back every
bit; and `mix` is a true wet/dry balance. Audio below the stage's rate is taken up to it and the change down again.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from duplex.streaming.blocks import Blocks
from duplex.streaming.resample import resampler
from duplex.streaming.stage import Stage


def stage_at(stage: Stage[Any, np.ndarray], sample_rate: int) -> Stage[Any, np.ndarray]:
    """The stage itself, or one of another rate where it has several (`at_rate`) and that suits the audio better."""
    at_rate = getattr(stage, "at_rate", None)
    return stage if at_rate is None else at_rate(sample_rate)


class BandRestorer:
    """One channel through `stage`: blocks of any size in, audio of exactly the same total length out.

    Output sample n belongs to input sample n; how many come out of one `step` varies.
    """

    def __init__(
        self, stage: Stage[Any, np.ndarray], sample_rate: int, *, mix: float = 1.0, live: bool = False
    ) -> None:
        """sample_rate: of the channel, in Hz. mix: 0 returns the input, 1 the stage's output."""
        stage = stage_at(stage, sample_rate)
        self._blocks = Blocks(stage)
        self._down = resampler(sample_rate, stage.sample_rate, live=live)
        self._up = resampler(stage.sample_rate, sample_rate, live=live)
        self._mix = mix
        self._low = np.zeros(0, np.float32)
        self._change = np.zeros(0, np.float32)
        self._dry = np.zeros(0, np.float64)

    def step(self, samples: np.ndarray) -> np.ndarray:
        """samples: (n,) float. Returns (m,) float64, what has become final."""
        self._dry = np.concatenate([self._dry, samples])
        low = self._down.push(samples.astype(np.float32))
        self._advance(low, self._blocks.step(low))
        return self._emit(min(len(self._dry), len(self._change)))

    def flush(self) -> np.ndarray:
        """The rest, up to the input's exact length."""
        low = self._down.flush()
        self._advance(low, np.concatenate([self._blocks.step(low), self._blocks.flush()]))
        self._change = np.concatenate([self._change, self._up.flush()])
        missing = len(self._dry) - len(self._change)
        if missing > 0:
            self._change = np.concatenate([self._change, np.zeros(missing, np.float32)])
        return self._emit(len(self._dry))

    def _advance(self, low: np.ndarray, restored: np.ndarray) -> None:
        self._low = np.concatenate([self._low, low])
        change = self._up.push(restored - self._low[: len(restored)])
        self._low = self._low[len(restored) :]
        self._change = np.concatenate([self._change, change])

    def _emit(self, count: int) -> np.ndarray:
        out = self._dry[:count] + self._mix * self._change[:count]
        self._dry = self._dry[count:]
        self._change = self._change[count:]
        return out
