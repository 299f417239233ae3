from __future__ import annotations

import numpy as np
import pytest

from duplex.streaming.mel import mel_bands


@pytest.mark.parametrize(("rate", "fft", "mels"), [(8000, 256, 23), (16000, 512, 40)])
def test_mel_bands_are_slaneys(rate: int, fft: int, mels: int) -> None:
    audio_utils = pytest.importorskip("transformers.audio_utils")
    theirs = audio_utils.mel_filter_bank(fft // 2 + 1, mels, 0.0, rate / 2, rate, norm="slaney", mel_scale="slaney")
    np.testing.assert_allclose(mel_bands(rate, fft, mels), theirs.T, atol=1e-6)


def test_mel_bands_cover_the_band_with_unit_area() -> None:
    filters = mel_bands(16_000, 512, 80)
    assert filters.shape == (80, 257)
    assert (filters.sum(1) > 0).all() and (filters >= 0).all()
    wide = filters[40:]  # narrow ones are sampled too coarsely by the bins for their area to show
    np.testing.assert_allclose(wide.sum(1) * 31.25, 1, rtol=0.05)
