"""Live blocks: as many samples out as in, a constant time later, equal to what a file would become."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.batch.restore import Restorer
from duplex.models.restoration.band import BandRestorer
from duplex.streaming.errors import InputError, SettingsError
from tests.duplex.batch.restore.stages import Gain, half, identity


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([8_000, 16_000, 44_100, 48_000]),
    sizes=st.lists(st.integers(0, 1_500), min_size=1, max_size=30),
    channels=st.sampled_from([1, 2]),
)
def test_every_block_comes_back_whole_and_the_latency_is_constant(rate, sizes, channels):
    restorer = Restorer(sample_rate=rate, channels=channels, stage_factory=identity)
    sound = np.random.default_rng(0).uniform(-1, 1, (sum(sizes), channels)).astype(np.float32)
    outs, at = [], 0
    for size in sizes:
        block = sound[at : at + size]
        outs.append(restorer.step(block if channels > 1 else block[:, 0]).reshape(-1, channels))
        assert len(outs[-1]) == size
        at += size
    whole = np.concatenate([*outs, restorer.flush().reshape(-1, channels)])
    assert len(whole) == len(sound) + restorer.latency
    assert not whole[: restorer.latency].any()
    assert np.array_equal(whole[restorer.latency :], sound)


@pytest.mark.parametrize(("rate", "most"), [(16_000, 32.0), (48_000, 38.1), (44_100, 38.3), (8_000, 44.0)])
def test_latency_in_milliseconds(rate, most):
    assert Restorer(sample_rate=rate, stage_factory=identity).latency / rate * 1000 <= most


@pytest.mark.parametrize(("block_size", "latency"), [(256, 256), (1024, 256), (320, 448), (160, 480), (1, 511)])
def test_blocks_that_fit_the_hop_wait_less(block_size, latency):
    restorer = Restorer(block_size=block_size, stage_factory=identity)
    assert restorer.latency == latency
    sound = np.random.default_rng(0).uniform(-1, 1, 20 * block_size).astype(np.float32)
    outs = [restorer.step(block) for block in sound.reshape(20, block_size)]
    assert np.array_equal(np.concatenate([*outs, restorer.flush()])[latency:], sound)


def test_live_equals_file():
    sound = np.random.default_rng(2).uniform(-0.9, 0.9, 10_000)
    band = BandRestorer(Gain(0.5), 16_000)
    file = np.concatenate([band.step(sound), band.flush()])
    restorer = Restorer(stage_factory=half)
    live = np.concatenate([restorer.step(sound[:777]), restorer.step(sound[777:]), restorer.flush()])
    assert np.allclose(live[restorer.latency :], file, atol=1e-6)


def test_streams_follow_one_another_without_a_trace():
    restorer = Restorer(stage_factory=half)
    sound = np.random.default_rng(3).uniform(-0.5, 0.5, 1_000).astype(np.float32)
    first = np.concatenate([restorer.step(sound), restorer.flush()])
    assert np.array_equal(np.concatenate([restorer.step(sound), restorer.flush()]), first)


def test_integers_and_broken_samples_are_taken():
    restorer = Restorer(stage_factory=identity)
    restorer.step(np.full(400, 16_384, np.int16))
    restorer.step(np.array([np.nan, np.inf, 3.0, -0.25], np.float64))
    out = restorer.flush()
    assert out.dtype == np.float32 and np.isfinite(out).all()
    assert out[-4:].tolist() == [0.0, 0.0, 1.0, -0.25] and out[-5] == 0.5


def test_the_model_itself_live():
    restorer = Restorer("enhance")
    assert restorer.latency == 479
    noise = 0.1 * np.random.default_rng(0).standard_normal(8_000).astype(np.float32)
    out = np.concatenate([restorer.step(noise), restorer.flush()])[restorer.latency :]
    assert out.shape == (8_000,) and np.isfinite(out).all() and not np.array_equal(out, noise)


@pytest.mark.parametrize(
    "arguments",
    [{"task": "polish"}, {"mix": 1.5}, {"steps": -1}, {"sample_rate": 10}, {"channels": 0}, {"block_size": 0}],
)
def test_settings_out_of_range(arguments):
    with pytest.raises(SettingsError):
        Restorer(**arguments, stage_factory=identity)


def test_another_number_of_channels():
    with pytest.raises(InputError, match="2 channels"):
        Restorer(stage_factory=identity).step(np.zeros((10, 2)))
