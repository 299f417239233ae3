"""Live phase reconstruction: a signal from STFT magnitudes alone.

Real-time iterative spectrogram inversion (RTISI, Beauregard et al. 2005) over the two frames that are still open, as in
RTISI-LA (Zhu et al. 2007): when frame n arrives, the block that frames n − 1 and n share is final, and everything
before it is fixed. That needs no more latency than the overlap-add itself. Iterations are accelerated as in the fast
Griffin-Lim algorithm (Perraudin et al. 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from duplex.streaming.stft import sqrt_hann

ITERATIONS = 32
MOMENTUM = 0.9
# The newest block has been seen by one frame only; dividing by its window is exact, and this limit keeps it tame.
SMALLEST_WINDOW = 0.15


def newest_window(fall: np.ndarray) -> np.ndarray:
    """What a block is weighted with of which only the frame before it is known, whose window falls so, (hop,)."""
    return fall / np.maximum(fall**2, np.float32(SMALLEST_WINDOW))


def projected(wanted: np.ndarray, spectrum: np.ndarray, before: np.ndarray, momentum: float) -> np.ndarray:
    """Frames, (n, window) float32, of the magnitudes wanted, with the phases to which the iteration leaps from where it
    is and was before, (n, bins) each."""
    leaping = spectrum + np.float32(momentum) * (spectrum - before)
    size = np.abs(leaping)
    return np.fft.irfft(wanted * leaping / np.maximum(size, np.float32(1e-20)), norm="ortho")


@dataclass(frozen=True)
class PhaseState:
    """The last final block and the estimate of the open one, (hop,) each, and the magnitudes before, (bins,)."""

    final: np.ndarray
    open: np.ndarray
    magnitudes: np.ndarray


class PhaseReconstruction:
    """Rebuilds a signal from the magnitudes of its square-root Hann STFT at half overlap, block by block.

    Args:
        hop: samples; the window has twice as many.
        iterations: for each frame.
    """

    latency = 0
    """Blocks that `step` returns later than the frame after them comes."""

    def __init__(self, hop: int = 256, iterations: int = ITERATIONS) -> None:
        self.hop, self.iterations = hop, iterations
        self._window = sqrt_hann(2 * hop)
        self._rise, self._fall = self._window[:hop], self._window[hop:]
        self._newest = newest_window(self._fall)

    def initial_state(self) -> PhaseState:
        silence = np.zeros(self.hop, np.float32)
        return PhaseState(silence, silence, np.zeros(self.hop, np.float32))

    def step(self, magnitudes: np.ndarray, phases: np.ndarray, state: PhaseState) -> tuple[np.ndarray, PhaseState]:
        """Magnitudes of a frame, (hop,) float32, Nyquist left out -> the final block (hop,) float32, new state.

        `phases` (2, hop), in turns, are where the iteration starts for bins of which nothing is known yet.
        """
        wanted = np.zeros((2, self.hop + 1), np.float32)
        wanted[0, :-1], wanted[1, :-1] = state.magnitudes, magnitudes
        shared, newest = state.open, np.zeros(self.hop, np.float32)
        frames = np.empty((2, 2 * self.hop), np.float32)
        before: np.ndarray | None = None
        for _ in range(self.iterations):
            frames[0, : self.hop], frames[0, self.hop :] = state.final, shared
            frames[1, : self.hop], frames[1, self.hop :] = shared, newest
            spectrum = np.fft.rfft(frames * self._window, norm="ortho")
            if before is None:
                unknown = np.abs(spectrum[:, :-1]) <= 1e-6 * wanted.max()
                start = wanted[:, :-1][unknown] * np.exp(2j * np.pi * phases[unknown])
                spectrum[:, :-1][unknown] = start.astype(np.complex64)
                before = spectrum
            made = projected(wanted, spectrum, before, MOMENTUM)
            before = spectrum
            shared = self._fall * made[0, self.hop :] + self._rise * made[1, : self.hop]
            newest = self._newest * made[1, self.hop :]
        shared = shared.astype(np.float32)
        return shared, PhaseState(shared, newest.astype(np.float32), magnitudes)
