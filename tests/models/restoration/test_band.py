"""A 16 kHz stage on audio of any rate: exact lengths, untouched bits, the upper band kept in phase."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.restoration.band import BandRestorer
from tests.duplex.batch.restore.stages import Gain

RATES = (8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000)


def run(band: BandRestorer, sound: np.ndarray, sizes: list[int]) -> np.ndarray:
    outs, at, turn = [], 0, 0
    while at < len(sound):
        size = sizes[turn % len(sizes)]
        outs.append(band.step(sound[at : at + size]))
        at, turn = at + size, turn + 1
    return np.concatenate([*outs, band.flush()])


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from(RATES),
    length=st.integers(0, 9_000),
    sizes=st.lists(st.integers(1, 4_000), min_size=1, max_size=4),
    live=st.booleans(),
    mix=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_a_stage_that_changes_nothing_gives_back_every_bit(rate, length, sizes, live, mix):
    sound = np.random.default_rng(length).uniform(-1, 1, length)
    assert np.array_equal(run(BandRestorer(Gain(), rate, mix=mix, live=live), sound, sizes), sound)


@settings(max_examples=25, deadline=None)
@given(rate=st.sampled_from(RATES), sizes=st.lists(st.integers(1, 3_000), min_size=1, max_size=3), live=st.booleans())
def test_the_blocks_sizes_do_not_matter(rate, sizes, live):
    sound = np.random.default_rng(1).uniform(-1, 1, rate // 4)
    whole = run(BandRestorer(Gain(0.5), rate, live=live), sound, [len(sound)])
    assert np.allclose(run(BandRestorer(Gain(0.5), rate, live=live), sound, sizes), whole, atol=1e-6)


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("rate", [44_100, 48_000, 96_000])
def test_the_stage_reaches_the_lower_band_only_and_the_upper_stays_in_phase(rate, live):
    time = np.arange(rate) / rate
    low, high = np.sin(2 * np.pi * 1_000 * time), np.sin(2 * np.pi * 12_000 * time)
    out = run(BandRestorer(Gain(0.25), rate, live=live), low + high, [rate // 7])
    edge = rate // 10
    assert np.abs(out - (0.25 * low + high))[edge:-edge].max() < 3e-3


@pytest.mark.parametrize("rate", RATES)
def test_mix_is_aligned_to_the_sample(rate):
    sound = np.sin(2 * np.pi * 440 * np.arange(rate) / rate)
    out = run(BandRestorer(Gain(0.0), rate, mix=0.5), sound, [1_000])
    edge = rate // 10
    assert np.abs(out - 0.5 * sound)[edge:-edge].max() < 1e-3


def test_what_is_held_does_not_grow():
    band = BandRestorer(Gain(0.5), 44_100)
    came = went = 0
    for _ in range(300):
        came += 4_410
        went += len(band.step(np.full(4_410, 0.1)))
        assert came - went < 44_100
