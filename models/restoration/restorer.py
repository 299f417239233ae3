"""Restoration of live blocks: as many samples out of every step as went in, a constant time later."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from duplex.models.restoration.band import BandRestorer, stage_at
from duplex.models.restoration.contract import RestoreOptions, load_stage
from duplex.streaming.audio import as_float32
from duplex.streaming.errors import InputError, SettingsError
from duplex.streaming.stage import Stage


class Restorer:
    """Restores live speech, block by block.

    >>> restorer = Restorer("enhance", sample_rate=48_000)        # doctest: +SKIP
    >>> clean = restorer.step(block)                              # doctest: +SKIP

    `step` returns as many samples as it gets, `latency` samples later: the first `latency` samples of a stream are
    silence, and `flush` returns the last. The latency is the model's, plus what blocks that do not fit its hop make it
    wait; blocks of a fixed size named by `block_size` can lessen that, and multiples of the hop (256 at 16 kHz) take
    it away. Sample rates other than 16 kHz cost about 6 ms more; above 8 kHz the sound is left as it is.

    Each channel is restored by itself. Sessions, threads: one object serves one stream and one caller at a time.
    """

    def __init__(
        self,
        task: str = "auto",
        *,
        sample_rate: int = 16_000,
        channels: int = 1,
        steps: int | None = None,
        mix: float = 1.0,
        device: str = "cpu",
        weights: str | None = None,
        seed: int = 0,
        engine: str = "auto",
        block_size: int = 1,
        stage_factory: Callable[[RestoreOptions], Stage[Any, np.ndarray]] | None = None,
    ) -> None:
        """sample_rate: in Hz. steps: of the solver (None: the model's own choice). mix: wet/dry, 1 is all restored.
        engine: one of ENGINES; "auto" takes what measured best for the task and can be had here.

        Raises SettingsError for a setting out of range, ModelError when the model cannot be had.
        """
        options = RestoreOptions(task, steps, mix, device, str(weights) if weights else None, seed, engine=engine)
        options.check()
        if not 1_000 <= sample_rate <= 768_000:
            raise SettingsError(f"sample_rate: {sample_rate} Hz is not between 1000 and 768000")
        if channels < 1 or block_size < 1:
            raise SettingsError("channels and block_size: must be at least 1")
        self.sample_rate = sample_rate
        self.channels = channels
        self.mix = mix
        self._stage = stage_at((stage_factory or load_stage)(options), sample_rate)
        self.latency = _latency(self._stage, sample_rate, block_size)
        """In samples at `sample_rate`: how far the output lies behind the input."""
        self.reset()

    def reset(self) -> None:
        """Begins a new stream."""
        self._bands = [
            BandRestorer(self._stage, self.sample_rate, mix=self.mix, live=True) for _ in range(self.channels)
        ]
        self._ready = np.zeros((self.latency, self.channels))
        self._mono = True

    def step(self, block: np.ndarray) -> np.ndarray:
        """block: (n,) or (n, channels), integer or float, any n. Returns float32 of the same shape in [-1, 1]."""
        samples = as_float32(block)
        self._mono = samples.ndim == 1
        if self._mono:
            samples = samples[:, None]
        if samples.shape[1] != self.channels:
            raise InputError(f"block: has {samples.shape[1]} channels, the restorer {self.channels}")
        self._take([band.step(samples[:, at]) for at, band in enumerate(self._bands)])
        return self._give(len(samples))

    def flush(self) -> np.ndarray:
        """The stream's last `latency` samples; a new stream may follow."""
        self._take([band.flush() for band in self._bands])
        rest = self._give(len(self._ready))
        self.reset()
        return rest

    def _take(self, outs: list[np.ndarray]) -> None:
        self._ready = np.concatenate([self._ready, np.stack(outs, axis=1)])

    def _give(self, count: int) -> np.ndarray:
        out = np.clip(self._ready[:count], -1.0, 1.0).astype(np.float32)
        self._ready = self._ready[count:]
        return out[:, 0] if self._mono else out


@dataclass(frozen=True)
class _Delay:
    """A stage that only waits: hop and latency of another, no computation."""

    hop: int
    latency: int
    sample_rate: int

    def initial_state(self, batch: int = 1) -> None:
        return None

    def step(self, chunk: np.ndarray, state: None) -> tuple[np.ndarray, None]:
        return np.zeros(self.hop, np.float32), None

    def flush(self, state: None) -> np.ndarray:
        return np.zeros(self.latency, np.float32)


def _latency(stage: Stage[Any, np.ndarray], sample_rate: int, block_size: int) -> int:
    """Samples at `sample_rate` after which an output sample is certainly there, whatever the blocks (if 1) are."""
    if sample_rate == stage.sample_rate:
        return stage.latency + stage.hop - math.gcd(stage.hop, block_size)
    probe = BandRestorer(_Delay(stage.hop, stage.latency, stage.sample_rate), sample_rate, live=True)
    came = went = worst = 0
    grain = block_size if block_size > 1 else max(1, sample_rate // 4000)
    while came < sample_rate:
        came += grain
        went += len(probe.step(np.zeros(grain)))
        worst = max(worst, came - went)
    return worst + (grain - 1 if block_size == 1 else 0)
