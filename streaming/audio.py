"""Audio chunks on the sample clock: time is a sample index, and a gap in it is audio of the gap's length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.streaming.errors import InputError

SAMPLE_RATE = 16_000
"""Hz; the session's clock."""

FRAME = 320
"""Samples of a transport frame: 20 ms."""


@dataclass(frozen=True, slots=True)
class AudioChunk:
    """Mono float32 audio in [-1, 1] with its place on the sample clock."""

    start: int
    samples: np.ndarray
    concealed: bool = False
    """True if (part of) the chunk stands for audio that never arrived."""

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


def as_float32(block: np.ndarray, *, name: str = "block") -> np.ndarray:
    """(samples,) or (samples, channels), integer or float, to float32 of the same shape in [-1, 1].

    NaN and infinity become silence: one bad sample must not poison every recursive filter behind it.
    Raises InputError on other shapes and types.
    """
    block = np.asarray(block)
    if block.ndim not in (1, 2):
        raise InputError(f"{name}: audio must have shape (samples,) or (samples, channels), not {block.shape}")
    if block.ndim == 2 and block.shape[1] == 0:
        raise InputError(f"{name}: audio of shape {block.shape} has no channel")
    if block.dtype == np.uint8:
        return (block.astype(np.float32) - 128.0) / 128.0
    if np.issubdtype(block.dtype, np.signedinteger):
        return block.astype(np.float32) / float(-np.iinfo(block.dtype).min)
    if not np.issubdtype(block.dtype, np.floating):
        raise InputError(f"{name}: audio must be signed integers, 8-bit unsigned integers or floats, not {block.dtype}")
    with np.errstate(over="ignore"):
        samples = block.astype(np.float32)
    if not np.isfinite(samples).all():
        samples = np.nan_to_num(samples, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
    return np.clip(samples, -1.0, 1.0, out=samples)


def to_mono(block: np.ndarray) -> np.ndarray:
    """(samples,) or (samples, channels) to (samples,): the mean over channels."""
    return block if block.ndim == 1 else block.mean(axis=1, dtype=np.float32)


class Framer:
    """Cuts a stream of blocks into frames of a fixed length on the sample clock.

    A block may name its `start`. If that lies ahead of what has arrived, the gap is filled with silence and marked as
    concealed; what lies behind has been played already and is dropped. So loss and lateness never move the clock.
    """

    def __init__(self, frame: int = FRAME, start: int = 0, *, longest_gap: int = 10 * SAMPLE_RATE) -> None:
        self.frame = frame
        self.longest_gap = longest_gap
        self.concealed = 0
        self.late = 0
        self._next = start
        self._held = np.zeros(0, np.float32)
        self._gaps: list[tuple[int, int]] = []

    @property
    def position(self) -> int:
        """The sample index at which the next block is expected."""
        return self._next + len(self._held)

    def push(self, samples: np.ndarray, start: int | None = None, *, concealed: bool = False) -> list[AudioChunk]:
        """samples: (n,) float32. Returns the frames completed by them. Raises InputError on an absurd gap.

        concealed: the samples themselves stand for audio that never arrived.
        """
        if start is not None and start != self.position:
            if start < self.position:
                late = min(self.position - start, len(samples))
                self.late += late
                samples = samples[late:]
            else:
                gap = start - self.position
                if gap > self.longest_gap:
                    raise InputError(f"audio jumps {gap} samples ahead; at most {self.longest_gap} are concealed")
                self.concealed += gap
                self._gaps.append((self.position, start))
                samples = np.concatenate([np.zeros(gap, np.float32), samples])
        if concealed and len(samples):
            self._gaps.append((self.position, self.position + len(samples)))
        held = np.concatenate([self._held, samples])  # always a copy: the block may be a buffer that is filled again
        count = len(held) // self.frame
        chunks = [self._chunk(held[i * self.frame : (i + 1) * self.frame]) for i in range(count)]
        self._held = held[count * self.frame :].copy()
        return chunks

    def flush(self) -> list[AudioChunk]:
        """The last, incomplete frame, padded with silence."""
        if not len(self._held):
            return []
        last = np.zeros(self.frame, np.float32)
        last[: len(self._held)] = self._held
        self._held = self._held[:0]
        return [self._chunk(last)]

    def _chunk(self, samples: np.ndarray) -> AudioChunk:
        start, end = self._next, self._next + self.frame
        self._next = end
        concealed = any(a < end and b > start for a, b in self._gaps)
        self._gaps = [(a, b) for a, b in self._gaps if b > end]
        return AudioChunk(start, samples, concealed)
