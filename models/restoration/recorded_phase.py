"""Phase reconstruction of recordings: what the live one rebuilds, brought closer to the magnitudes over whole seconds.

The live one (`phase.py`) has to settle each block when the next frame comes. Here blocks stay open for seconds and are
rebuilt together, by the fast Griffin-Lim algorithm (Perraudin et al. 2013) that begins with what the live one made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.models.restoration.phase import ITERATIONS, PhaseReconstruction, PhaseState, newest_window, projected
from duplex.streaming.stft import sqrt_hann

ROUNDS = 100
MOMENTUM = 0.99
TOGETHER = 128
"""Blocks (2 s at 16 kHz) that are settled together."""
AHEAD = 32
"""Blocks behind them that are rebuilt with them, and again with the next."""


@dataclass(frozen=True)
class RecordedPhaseState:
    """live: of the live reconstruction. magnitudes, blocks: (n, hop) each, of the last block that is settled and of
    those that are open; a frame covers its block and the next. ready: (m, hop), settled ones still to be given out."""

    live: PhaseState
    magnitudes: np.ndarray
    blocks: np.ndarray
    ready: np.ndarray


class RecordedPhase:
    """Stands in for a PhaseReconstruction; its blocks come `latency` steps later.

    hop: samples; the window has twice as many. iterations: of the live reconstruction. rounds: of this one.
    """

    latency = TOGETHER + AHEAD - 1

    def __init__(self, hop: int = 256, iterations: int = ITERATIONS, rounds: int = ROUNDS) -> None:
        self.hop, self._rounds = hop, rounds
        self._live = PhaseReconstruction(hop, iterations)
        self._window = sqrt_hann(2 * hop)
        self._rise, self._fall = self._window[:hop], self._window[hop:]
        self._newest = newest_window(self._fall)

    def initial_state(self) -> RecordedPhaseState:
        silence = np.zeros((1, self.hop), np.float32)
        return RecordedPhaseState(
            self._live.initial_state(), silence, silence, np.repeat(silence, self.latency, axis=0)
        )

    def step(
        self, magnitudes: np.ndarray, phases: np.ndarray, state: RecordedPhaseState
    ) -> tuple[np.ndarray, RecordedPhaseState]:
        """Magnitudes of a frame, (hop,) float32, Nyquist left out -> a settled block (hop,) float32, and the new state.
        phases: as of a PhaseReconstruction."""
        block, live = self._live.step(magnitudes, phases, state.live)
        wanted = np.concatenate([state.magnitudes, magnitudes[None]])
        blocks = np.concatenate([state.blocks, block[None]])
        ready = state.ready
        if len(blocks) == 1 + TOGETHER + AHEAD:
            blocks = self._rebuilt(wanted[:-1], blocks)
            ready = np.concatenate([ready, blocks[1 : 1 + TOGETHER]])
            wanted, blocks = wanted[TOGETHER:], blocks[TOGETHER:]
        return ready[0], RecordedPhaseState(live, wanted, blocks, ready[1:])

    def _rebuilt(self, wanted: np.ndarray, blocks: np.ndarray) -> np.ndarray:
        """(n, hop) and (n + 1, hop) to the blocks that agree with the magnitudes best; the first of them is settled."""
        wanted = np.pad(wanted, ((0, 0), (0, 1)))
        made = blocks.copy()
        before: np.ndarray | None = None
        for _ in range(self._rounds):
            spectrum = np.fft.rfft(np.hstack([made[:-1], made[1:]]) * self._window, norm="ortho")
            frames = projected(wanted, spectrum, spectrum if before is None else before, MOMENTUM)
            before = spectrum
            made[1:-1] = self._fall * frames[:-1, self.hop :] + self._rise * frames[1:, : self.hop]
            made[-1] = self._newest * frames[-1, self.hop :]
        return made
