"""InputFramer: blocks of any rate, size and channel count become 20 ms frames on the session's clock."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk, as_float32
from duplex.streaming.blocks import Framer
from duplex.streaming.errors import InputError
from duplex.streaming.resample import StreamResampler


@dataclass(frozen=True, slots=True)
class MultichannelFrame:
    """20 ms of every party: samples (FRAME, parties)."""

    start: int
    samples: np.ndarray
    concealed: bool = False

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class InputFramer:
    """parties: channels that are kept apart; with one party, more channels are mixed."""

    def __init__(self, parties: int = 1) -> None:
        self.parties = parties
        self._framer = Framer(FRAME * parties)
        self._rate = SAMPLE_RATE
        self._next = 0
        self._resampler: StreamResampler | None = None

    @property
    def position(self) -> int:
        """Samples of the session's clock that have been taken in."""
        return self._framer.position // self.parties

    def push(
        self, block: np.ndarray, sample_rate: int = SAMPLE_RATE, start: int | None = None
    ) -> list[MultichannelFrame]:
        """block: (n,) or (n, channels). start: its place in samples at `sample_rate`; a gap before it becomes silence
        of the same length, and what overlaps is dropped. Raises InputError on unusable audio."""
        samples = self._channels(as_float32(block))
        if sample_rate != self._rate:
            self._change_rate(sample_rate)
        frames: list[MultichannelFrame] = []
        place: int | None = None
        if start is not None and start > self._next:
            frames += self._push(self._drain())
            place = round(start * SAMPLE_RATE / sample_rate) * self.parties
            self._next = start
        elif start is not None:
            samples = samples[self._next - start :]
        self._next += len(samples)
        return frames + self._push(self._convert(samples), place)

    def flush(self) -> list[MultichannelFrame]:
        """The last, incomplete frame, padded with silence."""
        return self._push(self._drain()) + self._frames(self._framer.flush())

    def _channels(self, samples: np.ndarray) -> np.ndarray:
        samples = samples[:, None] if samples.ndim == 1 else samples
        if samples.shape[1] == self.parties:
            return samples
        if self.parties != 1:
            raise InputError(f"the block has {samples.shape[1]} channels, the session {self.parties} parties")
        return samples.mean(axis=1, dtype=np.float32, keepdims=True)

    def _change_rate(self, rate: int) -> None:
        self._resampler = None if rate == SAMPLE_RATE else StreamResampler(rate, SAMPLE_RATE, self.parties)
        self._next = round(self._next * rate / self._rate)
        self._rate = rate

    def _convert(self, samples: np.ndarray) -> np.ndarray:
        return samples if self._resampler is None else self._resampler.push(samples)

    def _drain(self) -> np.ndarray:
        """What the resampler holds back; it then begins anew."""
        return np.zeros((0, self.parties), np.float32) if self._resampler is None else self._resampler.flush()

    def _push(self, samples: np.ndarray, start: int | None = None) -> list[MultichannelFrame]:
        return self._frames(self._framer.push(np.ascontiguousarray(samples).reshape(-1), start))

    def _frames(self, chunks: list[AudioChunk]) -> list[MultichannelFrame]:
        return [
            MultichannelFrame(chunk.start // self.parties, chunk.samples.reshape(FRAME, self.parties), chunk.concealed)
            for chunk in chunks
        ]
