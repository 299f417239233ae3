"""The segmentation as it is used: at any level, in windows of any length, and if its file is no such thing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from duplex.models import store
from duplex.models.diarization.segmentation import ENTRY
from duplex.models.diarization.segmentation.networks import PUBLISHED, WINDOW, Segmenter, prepared
from duplex.streaming.errors import ModelError
from tests.models.restoration.signals import speech_like

SPEAKERS = 3


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    found = store.find(ENTRY)
    if found is None:
        pytest.skip(f"{ENTRY} is not in the store: duplex models pull {ENTRY}")
    return Segmenter(found / PUBLISHED)


def test_nobody_speaks_in_silence_and_hiss(segmenter: Segmenter) -> None:
    for level in (0.0, 1e-4, 0.03):
        hiss = level * np.random.default_rng(0).standard_normal(WINDOW * 1600).astype(np.float32)
        found = segmenter(hiss.astype(np.float32))
        assert found.shape == (WINDOW, SPEAKERS) and found.max() < 0.5


def test_the_level_changes_nothing(segmenter: Segmenter) -> None:
    sound = speech_like(10.0)[: WINDOW * 1600]
    np.testing.assert_allclose(segmenter(sound), segmenter(sound * np.float32(10 ** (-30 / 20))), atol=1e-3)


@pytest.mark.parametrize("frames", [1, 7, 99])
def test_a_short_window_is_heard_as_a_full_one_of_the_same(segmenter: Segmenter, frames: int) -> None:
    found = segmenter(speech_like(10.0)[: frames * 1600])
    assert found.shape == (frames, SPEAKERS) and np.isfinite(found).all()
    assert (found >= 0).all() and (found <= 1 + 1e-5).all()


def test_a_telephones_band_gets_hiss_and_others_do_not() -> None:
    rng = np.random.default_rng(0)
    wide = rng.standard_normal(WINDOW * 1600).astype(np.float32) * 0.05
    spectrum = np.fft.rfft(wide)
    spectrum[round(4000 / 8000 * len(spectrum)) :] = 0
    narrow = np.fft.irfft(spectrum, len(wide)).astype(np.float32)
    upper = slice(round(6000 / 8000 * len(spectrum)), None)
    assert np.square(np.abs(np.fft.rfft(prepared(narrow))[upper])).mean() > 1e-4
    gains = prepared(wide)[wide != 0] / wide[wide != 0]
    np.testing.assert_allclose(gains, gains[0], rtol=1e-5)


def test_files_that_are_no_segmentation(tmp_path: Path) -> None:
    path = tmp_path / "segmentation.safetensors"
    path.write_bytes(b"no tensors")
    with pytest.raises(ModelError, match="cannot be read") as told:
        Segmenter(path)
    assert "\n" not in str(told.value)
    save_file({"linear.0.weight": np.zeros((2, 2), np.float16)}, path)
    with pytest.raises(ModelError, match="not the weights of this network"):
        Segmenter(path)
    with pytest.raises(ModelError, match="cannot be read"):
        Segmenter(tmp_path / "missing.safetensors")
