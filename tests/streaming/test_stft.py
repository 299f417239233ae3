"""Exact reconstruction by the streaming STFT, whatever the window, the hop and the number of streams."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.blocks import Blocks
from duplex.streaming.errors import SettingsError
from duplex.streaming.stage import stream
from duplex.streaming.stft import Istft, SpectralFilter, Stft, dual_window, sqrt_hann

RNG = np.random.default_rng(0)


@given(
    length=st.integers(2, 640),
    ratio=st.floats(0.05, 1.0),
    kind=st.sampled_from(["hann", "hamming", "boxcar", "random"]),
    samples=st.integers(0, 3000),
)
def test_reconstruction_is_exact(length: int, ratio: float, kind: str, samples: int) -> None:
    hop = max(1, int(length * ratio))
    window = {
        "hann": sqrt_hann(length),
        "hamming": np.hamming(length),
        "boxcar": np.ones(length),
        "random": np.random.default_rng(length).uniform(0.2, 1.0, length),
    }[kind]
    if kind == "hann" and hop > length // 2:
        hop = max(1, length // 2)
    stft = Stft(window, hop)
    signal = RNG.uniform(-1, 1, samples).astype(np.float32)
    restored = Istft(stft).forward(stft.forward(signal))
    np.testing.assert_allclose(restored[stft.latency : stft.latency + samples], signal, atol=2e-5)


def test_synthesis_window_of_the_default_is_the_analysis_window() -> None:
    stft = Stft()
    np.testing.assert_allclose(stft.synthesis_window, stft.window, atol=1e-6)
    assert (stft.hop, stft.latency, stft.bins, stft.sample_rate) == (256, 256, 257, 16_000)


def test_frames_are_the_transforms_of_their_windows() -> None:
    stft = Stft(512, 256)
    signal = RNG.uniform(-1, 1, 2048).astype(np.float32)
    frames = stft.forward(signal)
    for index in (2, 5):
        start = (index + 1) * stft.hop - 512
        np.testing.assert_allclose(frames[index], np.fft.rfft(signal[start : start + 512] * stft.window), atol=1e-4)
    assert frames.dtype == np.complex64


@pytest.mark.parametrize("hop", [0, -1, 513])
def test_impossible_hops_are_refused(hop: int) -> None:
    with pytest.raises(SettingsError, match="hop"):
        Stft(512, hop)


def test_windows_that_lose_samples_are_refused() -> None:
    with pytest.raises(SettingsError, match="overlap-add"):
        dual_window(sqrt_hann(512), 512)
    with pytest.raises(SettingsError, match="overlap-add"):
        Stft(np.concatenate([np.ones(64), np.zeros(64)]), 128)


def test_a_batch_equals_its_streams() -> None:
    signals = RNG.uniform(-1, 1, (3, 8 * 256)).astype(np.float32)
    stage = SpectralFilter(lambda spectrum: spectrum * 0.3)
    chunks = [signals[:, at : at + 256] for at in range(0, signals.shape[1], 256)]
    together = np.concatenate(list(stream(stage, chunks, batch=3)), axis=-1)
    for row, signal in enumerate(signals):
        alone = np.concatenate(list(stream(stage, np.split(signal, 8))))
        np.testing.assert_allclose(together[row], alone, atol=1e-6)
    np.testing.assert_allclose(together[:, 256:], stage.forward(signals), atol=1e-6)


def test_one_stream_may_carry_a_batch_axis() -> None:
    signal = RNG.uniform(-1, 1, (1, 4 * 256)).astype(np.float32)
    stage = SpectralFilter(lambda spectrum: spectrum)
    out = np.concatenate(list(stream(stage, np.split(signal, 4, axis=1))), axis=-1)
    np.testing.assert_allclose(out[:, 256:], signal, atol=1e-6)


def test_a_filter_changes_the_spectrum() -> None:
    time = np.arange(16_000) / 16_000
    low, high = np.sin(2 * np.pi * 300 * time), np.sin(2 * np.pi * 5000 * time)
    blocks = Blocks(SpectralFilter(lambda spectrum: spectrum * (np.arange(257) < 64)))
    out = np.concatenate([blocks.step((0.4 * (low + high)).astype(np.float32)), blocks.flush()])
    np.testing.assert_allclose(out[1000:-1000], 0.4 * low[1000:-1000], atol=1e-3)


def test_a_window_without_overlap_has_no_latency() -> None:
    stage = SpectralFilter(lambda spectrum: spectrum, Stft(np.ones(128), 128))
    blocks = Blocks(stage)
    signal = RNG.uniform(-1, 1, 300).astype(np.float32)
    out = [blocks.step(signal), blocks.flush()]
    assert (stage.latency, len(out[0])) == (0, 256)
    np.testing.assert_allclose(np.concatenate(out), signal, atol=1e-6)
