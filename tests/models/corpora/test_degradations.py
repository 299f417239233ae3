"""What damages speech does the damage it says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.corpora import degradations as dg
from duplex.models.corpora import rooms as rm
from duplex.models.corpora.codecs import CODECS, align, transcode
from tests.models.restoration.signals import RATE, speech_like


def power_above(audio: np.ndarray, frequency: float) -> float:
    spectrum = np.abs(np.fft.rfft(audio)) ** 2
    return float(spectrum[int(frequency / (RATE / 2) * len(spectrum)) :].sum() / spectrum.sum())


@pytest.fixture(scope="module")
def rooms() -> np.ndarray:
    return rm.simulate_rooms(6, np.random.default_rng(0)).astype(np.float32)


def test_rooms_begin_with_the_direct_sound_and_decay(rooms: np.ndarray) -> None:
    assert (rooms[:, 0] == 1).all() and np.isfinite(rooms).all()
    early = np.square(rooms[:, 1:4000]).sum(1)
    late = np.square(rooms[:, 12000:]).sum(1)
    assert (late < 0.3 * early).all()


def test_early_part_keeps_the_direct_sound_alone(rooms: np.ndarray) -> None:
    early = rm.early_part(rooms[0])
    assert early[0] == 1 and len(early) < 0.02 * RATE


def test_convolution_with_an_impulse_changes_nothing() -> None:
    audio = speech_like(0.5)
    np.testing.assert_allclose(dg.fft_convolve(audio, np.array([1.0], np.float32)), audio, atol=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_band_limit_takes_the_highs_and_does_not_delay(seed: int) -> None:
    audio = np.random.default_rng(1).standard_normal(RATE).astype(np.float32)
    limited = dg.band_limit(audio, np.random.default_rng(seed))
    assert power_above(limited, 7400) < 0.1 * power_above(audio, 7400)
    lag = int(np.argmax(np.correlate(limited, audio[100:-100], "valid"))) - 100
    assert abs(lag) <= 1


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_clipping_only_lowers_peaks(seed: int) -> None:
    audio = speech_like(0.3)
    clipped = dg.clip(audio, np.random.default_rng(seed))
    assert np.abs(clipped).max() < np.abs(audio).max()
    assert (np.abs(clipped) <= np.abs(audio) + 1e-6).all() and (clipped * audio >= 0).all()


def test_speed_changes_length_and_pitch() -> None:
    tone = np.sin(2 * np.pi * 500 * np.arange(RATE) / RATE).astype(np.float32)
    faster = dg.speed(tone, 1.25)
    assert abs(len(faster) - RATE / 1.25) < 100
    assert abs(int(np.argmax(np.abs(np.fft.rfft(faster[:8000])))) * 2 - 625) <= 4


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_noise_is_finite_and_not_silent(seed: int) -> None:
    rng = np.random.default_rng(seed)
    noise = dg.coloured_noise(4000, rng)
    assert np.isfinite(noise).all() and dg.rms(noise) > 0
    assert np.isfinite(dg.equalise(noise, rng)).all()


@pytest.mark.parametrize("codec", sorted(CODECS))
def test_codecs_are_lossy_and_aligned(codec: str) -> None:
    audio = speech_like(1.5)
    coded = transcode(audio, codec, CODECS[codec][3][0])
    assert coded.shape == audio.shape and np.isfinite(coded).all()
    correlation = float(coded @ audio / np.linalg.norm(coded) / np.linalg.norm(audio))
    assert 0.4 < correlation < 0.99999


@pytest.mark.parametrize("shift", [-700, 0, 33, 1500])
def test_align_takes_a_shift_out(shift: int) -> None:
    audio = speech_like(1.0)
    moved = np.roll(np.pad(audio, 2000), shift)[2000:-2000]
    inside = slice(2000, -2000)
    np.testing.assert_allclose(align(moved, audio)[inside], audio[inside], atol=1e-6)


def test_events_are_heard_now_and_then() -> None:
    click = np.ones(160, np.float32)
    heard = dg.events(click, 4 * RATE, np.random.default_rng(0))
    assert heard.shape == (4 * RATE,) and heard.dtype == np.float32
    assert 0 < np.count_nonzero(heard) < RATE and np.abs(heard).max() <= 1


@pytest.mark.parametrize("seed", range(8))
def test_what_comes_and_goes_is_heard_somewhere(seed: int) -> None:
    audio = np.ones(RATE, np.float32)
    heard = dg.come_and_go(audio, np.random.default_rng(seed))
    assert heard.dtype == np.float32 and heard.min() >= 0 and heard.max() > 0.5


def test_somebody_on_the_way_leaves_one_place_and_arrives_at_another() -> None:
    share = rm.on_the_way(2 * RATE, np.random.default_rng(2))
    assert share[0] == 0 and share[-1] == 1 and (np.diff(share) >= 0).all()
