"""Synthetic sounds: of any length, heard, never the same twice, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.corpora import synthetic_sounds
from duplex.models.corpora.degradations import rms

KINDS = ("texture", "motor", "calls", "blows", "synthetic")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [400, 8_000, 40_001])
def test_every_kind_is_a_sound_of_the_length_asked_for(kind: str, length: int) -> None:
    for seed in range(6):
        sound = getattr(synthetic_sounds, kind)(length, np.random.default_rng(seed))
        assert sound.shape == (length,) and sound.dtype == np.float32 and np.isfinite(sound).all()
        if length > 400:
            assert rms(sound) > 1e-4


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_sounds_the_same_and_another_does_not(kind: str) -> None:
    make = getattr(synthetic_sounds, kind)
    one, again, other = (make(16_000, np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.5


def test_textures_have_colours_of_their_own() -> None:
    spectra = []
    for seed in range(8):
        sound = synthetic_sounds.texture(32_000, np.random.default_rng(seed))
        power = np.abs(np.fft.rfft(sound)) ** 2
        bands = np.log(np.add.reduceat(power, np.geomspace(50, 15_000, 12).astype(int)))
        spectra.append(bands - bands.mean())
    assert np.std(spectra, axis=0).mean() > 0.5, "in nepers: they differ from one another"
