"""How long the loudspeaker's sound takes to come back: generalised cross-correlation with phase transform.

Knapp and Carter, "The generalized correlation method for estimation of time delay" (IEEE Trans. ASSP 24, 1976). The
cross-spectrum is averaged over the windows in which the loudspeaker was active, and a delay is believed when its peak
stands out and three looks in a row agree. Unrelated sounds look alike now and then: a delay is a hint, no proof.
"""

from __future__ import annotations

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE

_DECIMATION = 4
_RATE = SAMPLE_RATE // _DECIMATION
_WINDOW = 2 * _RATE
_BAND = (150.0, 1800.0)  # Hz: above rumble, below what decimation by averaging folds back
_ACTIVE = 1e-3
_MEMORY = 0.84
_PROMINENCE = 10.0
_AGREE = round(0.004 * _RATE)
_LOOKS = 3


class EchoDelay:
    """Feed `push` with what was played and heard at the same time; `delay` is in samples at 16 kHz, None if unknown.

    longest: seconds of delay that are searched. every: seconds between two looks.
    """

    def __init__(self, longest: float = 1.5, every: float = 0.25) -> None:
        self.delay: int | None = None
        self.prominence = 0.0
        """How far the peak of the last look stood out, over the RMS of the correlation."""
        self._lags = round(longest * _RATE)
        self._every = round(every * _RATE)
        self._size = 1 << (_WINDOW + self._lags - 1).bit_length()
        frequencies = np.fft.rfftfreq(self._size, 1 / _RATE)
        self._band = (frequencies >= _BAND[0]) & (frequencies <= _BAND[1])
        self.reset()

    def reset(self) -> None:
        """The path has changed: forget what was heard."""
        self.delay = None
        self._last = -_AGREE - 1
        self._agreed = 0
        self._cross = np.zeros(int(self._band.sum()), np.complex128)
        self._reference = np.zeros(_WINDOW + self._lags, np.float32)
        self._microphone = np.zeros(_WINDOW, np.float32)
        self._until_look = self._every

    def push(self, microphone: np.ndarray, reference: np.ndarray) -> bool:
        """(n,) each, n a multiple of 4. Returns whether a delay was confirmed just now."""
        for buffer, samples in ((self._microphone, microphone), (self._reference, reference)):
            fresh = samples.reshape(-1, _DECIMATION).mean(axis=1)
            buffer[: -len(fresh)] = buffer[len(fresh) :]
            buffer[-len(fresh) :] = fresh
        self._until_look -= len(microphone) // _DECIMATION
        if self._until_look > 0:
            return False
        self._until_look = self._every
        return self._look()

    def _look(self) -> bool:
        if np.abs(self._reference).max() < _ACTIVE or np.abs(self._microphone).max() < _ACTIVE / 10:
            return False
        # Both end at the same moment, so a lag within the search range never wraps around.
        padded = np.concatenate([np.zeros(self._lags, np.float32), self._microphone])
        cross = np.fft.rfft(padded, self._size) * np.conj(np.fft.rfft(self._reference, self._size))
        cross = cross[self._band]
        self._cross = _MEMORY * self._cross + (1 - _MEMORY) * cross / (np.abs(cross) + 1e-12)
        spectrum = np.zeros(self._size // 2 + 1, np.complex128)
        spectrum[self._band] = self._cross
        correlation = np.abs(np.fft.irfft(spectrum, self._size)[: self._lags])
        peak = int(correlation.argmax())
        self.prominence = float(correlation[peak] / (np.sqrt(np.mean(np.square(correlation))) + 1e-12))
        stands_out = self.prominence >= _PROMINENCE
        self._agreed = self._agreed + 1 if stands_out and abs(peak - self._last) <= _AGREE else int(stands_out)
        self._last = peak
        if self._agreed < _LOOKS:
            return False
        self.delay = peak * _DECIMATION
        return True
