"""The trivial tagger beside which the trained one is judged: the nearest mean spectrum."""

from __future__ import annotations

import numpy as np

from duplex.models.sounds.contract import LABELS
from duplex.models.sounds.train.categories import NO_LABEL
from duplex.models.sounds.train.corpus import Corpus
from duplex.models.sounds.train.trials import recordings
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.mel import mel_bands

_FFT = 512


class NearestSpectrum:
    """Each label's mean log-mel spectrum, and how fast its bands change, of the recordings it was trained on; the score
    of a recording is how near it is to that, in standard deviations."""

    def __init__(self, corpus: Corpus) -> None:
        self._bands = mel_bands(SAMPLE_RATE, _FFT, 40).T
        described = [(name, self._described(audio)) for name, audio in recordings(corpus)]
        everything = np.array([each for _, each in described])
        self._mean, self._spread = everything.mean(0), everything.std(0) + 1e-6
        self._centres = np.full((len(LABELS), everything.shape[1]), np.nan)
        for column, label in enumerate(LABELS):
            own = [each for name, each in described if NO_LABEL.get(name, name) == label]
            if own:
                self._centres[column] = ((np.array(own) - self._mean) / self._spread).mean(0)

    def score(self, audio: np.ndarray) -> np.ndarray:
        """(n,) to (labels,): higher is nearer; a label that was never seen is infinitely far."""
        described = (self._described(audio) - self._mean) / self._spread
        return -np.nan_to_num(np.square(self._centres - described).sum(1), nan=np.inf)

    def _described(self, audio: np.ndarray) -> np.ndarray:
        padded = np.pad(audio, (0, max(0, 3 * _FFT - len(audio))))
        windows = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[:: _FFT // 2] * np.hanning(_FFT)
        bands = np.log(np.square(np.abs(np.fft.rfft(windows, axis=1))) @ self._bands + 1e-8)
        level = bands.mean(1)
        loud = bands[level > level.max() - np.log(100.0)]  # within 20 dB: the recording, not the silence before it
        shape = loud.mean(0) - loud.mean()
        return np.concatenate([shape, loud.std(0), np.abs(np.diff(loud, axis=0, append=loud[-1:])).mean(0)])
