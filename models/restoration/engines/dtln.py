"""DTLN (Westhausen and Meyer 2020, "Dual-signal transformation LSTM network for real-time noise suppression").

Two small networks in a row, each with two LSTM layers: one masks the magnitudes of a frame, one the features that it
learned of the frame's samples. 16 kHz, frames of 32 ms every 8 ms, added up as they are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.engines.level import Level
from duplex.models.restoration.engines.open_graph import open_graph
from duplex.models.restoration.stage import check_single, finite_block, flushed

FRAME = 512


@dataclass(frozen=True, slots=True)
class DtlnState:
    """level: of what was heard. past: samples before the block, (384,). tail: what earlier frames add to samples to
    come, (384,). mask, refine: of the two networks, (1, 2, 128, 2) each."""

    level: Level
    past: np.ndarray
    tail: np.ndarray
    mask: np.ndarray
    refine: np.ndarray


class Dtln:
    """Obeys `duplex.streaming.stage.Stage` for a batch of one.

    folder: holds model_1.onnx and model_2.onnx. Raises ModelError.
    """

    hop = 128
    latency = FRAME - hop
    sample_rate = SAMPLE_RATE

    def __init__(self, folder: Path) -> None:
        self._mask = open_graph(folder / "model_1.onnx", inputs=2)
        self._refine = open_graph(folder / "model_2.onnx", inputs=2)
        self._names = [[each.name for each in graph.get_inputs()] for graph in (self._mask, self._refine)]
        self._shape = self._mask.get_inputs()[1].shape

    def initial_state(self, batch: int = 1) -> DtlnState:
        check_single(batch)
        silence, rest = np.zeros(self.latency, np.float32), np.zeros(self._shape, np.float32)
        return DtlnState(Level(), silence, silence, rest, rest)

    def step(self, chunk: np.ndarray, state: DtlnState) -> tuple[np.ndarray, DtlnState]:
        """chunk (128,) float32 -> the 128 samples 24 ms before it, restored, and the new state. Raises InputError."""
        block = finite_block(chunk, self.hop)
        frame = np.concatenate([state.past, block])
        level = state.level.after(block, self.sample_rate)
        gain = np.float32(level.gain)
        spectrum = np.fft.rfft(frame * gain)
        of_mask, of_refine = self._names
        magnitudes = np.abs(spectrum).astype(np.float32)[None, None]
        mask, masking = self._mask.run(None, {of_mask[0]: magnitudes, of_mask[1]: state.mask})
        masked = np.fft.irfft(spectrum * mask[0, 0]).astype(np.float32)
        refined, refining = self._refine.run(None, {of_refine[0]: masked[None, None], of_refine[1]: state.refine})
        out = refined[0, 0] / gain
        out[: self.latency] += state.tail
        return out[: self.hop], DtlnState(level, frame[self.hop :], out[self.hop :], masking, refining)

    def flush(self, state: DtlnState) -> np.ndarray:
        """The last 384 samples."""
        return flushed(self, state)
