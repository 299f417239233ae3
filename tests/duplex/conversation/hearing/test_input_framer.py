"""InputFramer: any block in, frames on the clock out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.conversation.hearing.input_framer import InputFramer
from duplex.streaming.audio import FRAME
from duplex.streaming.errors import InputError


def samples_of(frames: list) -> np.ndarray:
    return np.concatenate([f.samples for f in frames]) if frames else np.zeros((0, 1), np.float32)


@given(st.lists(st.integers(0, 2000), max_size=12), st.sampled_from([8000, 16_000, 44_100, 48_000]), st.integers(1, 2))
def test_the_cutting_of_blocks_does_not_matter(sizes: list[int], rate: int, parties: int) -> None:
    wave = np.random.default_rng(1).uniform(-0.5, 0.5, (sum(sizes), parties)).astype(np.float32)
    whole, parts = InputFramer(parties), InputFramer(parties)
    expected = whole.push(wave, rate) + whole.flush()
    got = [frame for block in np.split(wave, np.cumsum(sizes)[:-1]) for frame in parts.push(block, rate)]
    got += parts.flush()
    assert [f.start for f in got] == [f.start for f in expected]
    np.testing.assert_allclose(samples_of(got), samples_of(expected), atol=1e-5)
    assert len(got) == -(-round(len(wave) * 16_000 / rate + 1e-9) // FRAME)


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_a_gap_is_silence_of_its_length(rate: int) -> None:
    intake = InputFramer()
    tone = np.full(rate // 10, 0.5, np.float32)
    frames = intake.push(tone, rate, start=0) + intake.push(tone, rate, start=3 * rate // 10) + intake.flush()
    heard = samples_of(frames)[:, 0]
    assert len(heard) == 6400
    middle = heard[1600 + 60 : 4800 - 60]
    assert np.abs(middle).max() == 0
    assert heard[800] == pytest.approx(0.5, abs=0.01) and heard[5600] == pytest.approx(0.5, abs=0.01)
    assert [f.concealed for f in frames] == [False] * 5 + [True] * 10 + [False] * 5


@pytest.mark.parametrize("rate", [16_000, 48_000])
def test_what_comes_twice_is_heard_once(rate: int) -> None:
    intake = InputFramer()
    ramp = np.linspace(0, 0.9, rate // 2).astype(np.float32)
    frames = intake.push(ramp[: rate // 4], rate, start=0)
    frames += intake.push(ramp[rate // 5 :], rate, start=rate // 5) + intake.flush()
    whole = InputFramer()
    np.testing.assert_allclose(samples_of(frames), samples_of(whole.push(ramp, rate) + whole.flush()), atol=1e-5)


def test_channels_are_kept_mixed_or_refused() -> None:
    stereo = np.stack([np.full(640, 0.2, np.float32), np.full(640, 0.6, np.float32)], axis=1)
    assert samples_of(InputFramer(1).push(stereo))[0, 0] == pytest.approx(0.4)
    np.testing.assert_allclose(samples_of(InputFramer(2).push(stereo))[0], [0.2, 0.6])
    with pytest.raises(InputError, match="1 channels, the session 2 parties"):
        InputFramer(2).push(np.zeros(640, np.float32))
    with pytest.raises(InputError):
        InputFramer().push(np.zeros(10, np.float32), start=10**9)
