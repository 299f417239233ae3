"""Resampling: exact lengths at any rates and chunkings, and sound that is where and what it was."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.streaming.errors import InputError
from duplex.streaming.resample import Resampler, StreamResampler, resample, resampled_length

RATES = [8000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000]
RNG = np.random.default_rng(0)


def tone(rate: int, seconds: float, frequency: float) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * frequency * np.arange(round(rate * seconds)) / rate)).astype(np.float32)


@settings(deadline=None, max_examples=60)
@given(
    rate_in=st.sampled_from(RATES),
    rate_out=st.sampled_from(RATES),
    length=st.integers(0, 6000),
    cuts=st.lists(st.integers(0, 6000), max_size=8),
    channels=st.sampled_from([None, 1, 2, 8]),
)
def test_any_chunking_gives_the_same_samples(
    rate_in: int, rate_out: int, length: int, cuts: list[int], channels: int | None
) -> None:
    shape = (length,) if channels is None else (length, channels)
    signal = RNG.uniform(-1, 1, shape).astype(np.float32)
    resampler = StreamResampler(rate_in, rate_out, channels or 1)
    parts = [resampler.push(part) for part in np.split(signal, sorted(min(cut, length) for cut in cuts))]
    out = np.concatenate([*parts, resampler.flush()])
    assert out.shape == (resampled_length(length, rate_in, rate_out), *shape[1:])
    assert out.dtype == np.float32
    np.testing.assert_allclose(out.T, Resampler(rate_in, rate_out).forward(signal.T), atol=1e-6)
    assert resample(signal, rate_in, rate_out).shape == out.shape


@given(length=st.integers(0, 10**9), rate_in=st.integers(1, 400_000), rate_out=st.integers(1, 400_000))
def test_length_is_rounded_exactly(length: int, rate_in: int, rate_out: int) -> None:
    assert abs(resampled_length(length, rate_in, rate_out) * rate_in - length * rate_out) * 2 <= rate_in


@pytest.mark.parametrize("rate_out", RATES)
@pytest.mark.parametrize("rate_in", RATES)
def test_a_tone_stays_in_place(rate_in: int, rate_out: int) -> None:
    """Delay-compensated: the output is the tone at the output's own times, to -75 dB."""
    frequency = 0.42 * min(rate_in, rate_out)
    out = Resampler(rate_in, rate_out).forward(tone(rate_in, 0.5, frequency))
    middle = slice(len(out) // 4, 3 * len(out) // 4)
    error = out[middle] - tone(rate_out, 0.5, frequency)[middle]
    assert 20 * np.log10(np.std(error) / 0.3535 + 1e-12) < -75


@pytest.mark.parametrize(("rate_in", "rate_out"), [(48_000, 16_000), (44_100, 16_000), (16_000, 48_000)])
def test_streaming_agrees_with_the_whole_signal_converter(rate_in: int, rate_out: int) -> None:
    smooth = np.convolve(RNG.uniform(-1, 1, rate_in), np.hanning(rate_in // 2000), "same")
    signal = (smooth / np.abs(smooth).max()).astype(np.float32)
    streamed, whole = Resampler(rate_in, rate_out).forward(signal), resample(signal, rate_in, rate_out)
    assert np.abs(streamed - whole)[200:-200].max() < 1e-3


def test_what_would_alias_is_removed() -> None:
    out = Resampler(48_000, 16_000).forward(tone(48_000, 0.5, 9000))
    assert np.abs(out[500:-500]).max() < 1e-4


@pytest.mark.parametrize(("rate_in", "rate_out"), [(48_000, 16_000), (8000, 16_000), (44_100, 16_000)])
def test_latency_is_what_is_held_back(rate_in: int, rate_out: int) -> None:
    stage = Resampler(rate_in, rate_out)
    state, consumed, emitted, most = stage.initial_state(), 0, 0, 0.0
    for _ in range(400):
        out, state = stage.step(np.zeros(7, np.float32), state)
        consumed, emitted = consumed + 7, emitted + len(out)
        most = max(most, consumed - emitted * rate_in / rate_out)
    assert stage.latency - 7 <= most <= stage.latency
    assert stage.latency / rate_in <= 0.0061


def test_a_batch_equals_its_streams() -> None:
    stage = Resampler(44_100, 16_000)
    signals = RNG.uniform(-1, 1, (3, 4000)).astype(np.float32)
    together = stage.forward(signals)
    for row, signal in enumerate(signals):
        np.testing.assert_allclose(together[row], stage.forward(signal), atol=1e-6)


def test_constant_stays_constant() -> None:
    out = Resampler(11_025, 16_000).forward(np.full(5000, 0.5, np.float32))
    np.testing.assert_allclose(out[200:-200], 0.5, atol=1e-5)


def test_rates_without_a_common_divisor() -> None:
    signal = tone(44_101, 0.2, 440)
    out = Resampler(44_101, 16_000).forward(signal)
    np.testing.assert_allclose(out[300:-300], tone(16_000, 0.2, 440)[300:-300], atol=1e-4)


def test_integers_are_scaled() -> None:
    out = resample(np.full(1000, 16_384, np.int16), 8000, 16_000)
    np.testing.assert_allclose(out[300:-300], 0.5, atol=1e-3)


def test_a_stream_after_flush_is_new() -> None:
    resampler = StreamResampler(48_000, 16_000)
    signal = RNG.uniform(-1, 1, 5000).astype(np.float32)
    first = np.concatenate([resampler.push(signal), resampler.flush()])
    again = np.concatenate([resampler.push(signal), resampler.flush()])
    np.testing.assert_array_equal(first, again)


@pytest.mark.parametrize("rate", [0, -16_000, 44_100.5])
def test_rates_that_are_none(rate: float) -> None:
    for make in (lambda: Resampler(rate, 16_000), lambda: resample(np.zeros(10, np.float32), 16_000, rate)):  # type: ignore[arg-type]
        with pytest.raises(InputError, match="sample rate"):
            make()


def test_other_channels_than_announced() -> None:
    with pytest.raises(InputError, match="expects 2 channel"):
        StreamResampler(48_000, 16_000, channels=2).push(np.zeros((100, 3), np.float32))
