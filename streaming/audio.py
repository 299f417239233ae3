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
