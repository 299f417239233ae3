"""Blocks of any size become blocks of one size: the one place where samples are held until there are enough."""

from __future__ import annotations

from typing import Generic

import numpy as np

from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import InputError, StageError
from duplex.streaming.stage import Stage, State


class Reblocker:
    """Cuts a stream into blocks of exactly `size` samples along the first axis.

    channels: None for blocks of shape (n,), else (n, channels). Blocks that come out are never views of what went in.
    """

    def __init__(self, size: int, channels: int | None = None) -> None:
        if size < 1:
            raise StageError(f"a block has at least 1 sample, not {size}")
        self.size = size
        self._held = np.zeros((0,) if channels is None else (0, channels), np.float32)

    @property
    def held(self) -> int:
        """Samples that wait for the rest of their block."""
        return len(self._held)

    @property
    def rest(self) -> np.ndarray:
        """Those samples, which stay held.

        >>> blocks = Reblocker(4)
        >>> len(blocks.push(np.ones(6, np.float32))), len(blocks.rest), blocks.held
        (1, 2, 2)
        """
        return self._held.copy()

    def push(self, samples: np.ndarray) -> list[np.ndarray]:
        """samples: any number of them. Returns the blocks that they complete."""
        held = np.concatenate([self._held, samples])  # always a copy: the input may be a buffer that is filled again
        whole = len(held) - len(held) % self.size
        self._held = held[whole:].copy()
        return [held[at : at + self.size] for at in range(0, whole, self.size)]

    def flush(self, *, pad: bool = True) -> list[np.ndarray]:
        """The last, incomplete block, completed with zeros unless `pad` is False."""
        rest, self._held = self._held, self._held[:0]
        if not len(rest):
            return []
        if pad:
            rest = np.concatenate([rest, np.zeros((self.size - len(rest), *rest.shape[1:]), np.float32)])
        return [rest]


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
        self._blocks = Reblocker(frame)
        self._gaps: list[tuple[int, int]] = []

    @property
    def position(self) -> int:
        """The sample index at which the next block is expected."""
        return self._next + self._blocks.held

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
        return [self._chunk(block) for block in self._blocks.push(samples)]

    def flush(self) -> list[AudioChunk]:
        """The last, incomplete frame, padded with silence."""
        return [self._chunk(block) for block in self._blocks.flush()]

    def _chunk(self, samples: np.ndarray) -> AudioChunk:
        start, end = self._next, self._next + self.frame
        self._next = end
        concealed = any(a < end and b > start for a, b in self._gaps)
        self._gaps = [(a, b) for a, b in self._gaps if b > end]
        return AudioChunk(start, samples, concealed)


class Blocks(Generic[State]):
    """Feeds blocks of any size to a stage of a fixed hop, and returns audio of exactly the input's length.

    For stages from samples to samples at one rate, of any latency: the first `latency` output samples are dropped and
    the flush completes the end, so output sample n belongs to input sample n.

    >>> from streaming.stft import SpectralFilter
    >>> blocks = Blocks(SpectralFilter(lambda spectrum: 0.5 * spectrum))
    >>> signal = np.sin(np.arange(1000, dtype=np.float32))
    >>> parts = [blocks.step(signal[:300]), blocks.step(signal[300:]), blocks.flush()]
    >>> [len(part) for part in parts]
    [0, 512, 488]
    >>> bool(np.allclose(np.concatenate(parts), 0.5 * signal, atol=1e-6))
    True
    """

    def __init__(self, stage: Stage[State, np.ndarray]) -> None:
        self.stage = stage
        self._restart()

    @property
    def pending(self) -> int:
        """Input samples whose output is still to come."""
        return self._owed

    def step(self, block: np.ndarray) -> np.ndarray:
        """block: (n,) float32, any n. Returns what has become final, (m,). Raises InputError on other shapes."""
        if block.ndim != 1:
            raise InputError(f"a block must have shape (samples,), not {block.shape}: use one Blocks for each channel")
        self._owed += len(block)
        return self._emit([self._step(chunk) for chunk in self._blocks.push(block)])

    def flush(self) -> np.ndarray:
        """Everything still held back, cut to the input's exact length; a block after it begins a new stream.

        Raises StageError if the stage returns less than it declares.
        """
        outs = [self._step(chunk) for chunk in self._blocks.flush()]
        outs.append(self.stage.flush(self.state))
        audio, missing = self._emit(outs), self._owed
        self._restart()
        if missing:
            raise StageError(f"{type(self.stage).__name__} ended {missing} samples short: check its latency and flush")
        return audio

    def _restart(self) -> None:
        self.state = self.stage.initial_state(1)
        self._blocks = Reblocker(self.stage.hop)
        self._skip = self.stage.latency
        self._owed = 0

    def _step(self, chunk: np.ndarray) -> np.ndarray:
        out, self.state = self.stage.step(chunk, self.state)
        return out

    def _emit(self, outs: list[np.ndarray]) -> np.ndarray:
        audio = np.concatenate(outs) if outs else np.zeros(0, np.float32)
        skipped = min(self._skip, len(audio))
        self._skip -= skipped
        audio = audio[skipped : skipped + self._owed]
        self._owed -= len(audio)
        return audio
