from __future__ import annotations

import numpy as np

from duplex.models.diarization.segmentation.fbank import HOP, WINDOW, fbank
from duplex.models.diarization.segmentation.networks import features_of


def test_a_tone_is_in_its_band() -> None:
    time = np.arange(16_000) / 16_000
    mels = 1127 * np.log(1 + np.array([20.0, 8000.0]) / 700)
    for hertz in (300.0, 1000.0, 4000.0):
        place = (1127 * np.log(1 + hertz / 700) - mels[0]) / (mels[1] - mels[0]) * 81 - 1
        loudest = fbank(np.sin(2 * np.pi * hertz * time).astype(np.float32)).mean(axis=0).argmax()
        assert abs(loudest - place) <= 1


def test_level_is_an_offset_and_silence_is_finite() -> None:
    noise = np.random.default_rng(0).standard_normal(8000).astype(np.float32) * 0.1
    np.testing.assert_allclose(fbank(noise) - fbank(noise * np.float32(0.01)), 2 * np.log(100), atol=1e-2)
    assert np.isfinite(fbank(np.zeros(8000, np.float32))).all()


def test_frames_are_whole_windows() -> None:
    samples = np.ones(WINDOW + 3 * HOP - 1, np.float32)
    assert len(fbank(samples)) == 3
    assert fbank(samples[: WINDOW - 1]).shape == (0, 80)
    assert features_of(np.ones(1600, np.float32)).shape == (10, 80)
