"""Against the feature extractor of `transformers`, which sees whole recordings."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.models.interaction.speech_lm.mel import HOP, StreamingLogMel
from duplex.streaming.stage import stream


def spoken(seconds: float, loud: float = 0.0) -> np.ndarray:
    """Noise in syllables; nearly silent before `loud` seconds, if that is given, and louder by a factor of 30 there."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * 16_000)) / 16_000
    level = 0.01 + 0.02 * np.maximum(0.0, np.sin(2 * np.pi * 2 * time))
    if loud:
        level[time < loud] *= 1e-3
        level[(time > loud) & (time < loud + 0.2)] *= 30
    return (rng.standard_normal(len(time)) * level).astype(np.float32)


def streamed(mels: int, samples: np.ndarray) -> np.ndarray:
    chunks = [samples[start : start + 320] for start in range(0, len(samples), 320)]
    return np.concatenate(list(stream(StreamingLogMel(mels), chunks)))


def of_whisper(mels: int, samples: np.ndarray) -> np.ndarray:
    transformers = pytest.importorskip("transformers")
    extractor = transformers.WhisperFeatureExtractor(feature_size=mels)
    whole = extractor(samples, sampling_rate=16_000, return_tensors="np")["input_features"][0]
    return whole.T[: len(samples) // HOP]


@pytest.mark.slow
@pytest.mark.parametrize("mels", [80, 128])
def test_equals_whisper_from_the_loudest_moment_on(mels: int) -> None:
    samples = spoken(5.0, loud=2.0)
    ours, whole = streamed(mels, samples), of_whisper(mels, samples)
    apart = np.abs(ours - whole).max(axis=1)
    assert apart[221:].max() < 1e-4  # nothing after it is louder
    assert apart[:198].max() > 1e-2  # the features of the whole recording know of it before, in their clamp alone:
    clamp = whole.min()
    np.testing.assert_allclose(np.maximum(ours[:198], clamp), whole[:198], atol=1e-4)


@pytest.mark.slow
def test_silence_is_what_whisper_makes_of_it() -> None:
    samples = np.zeros(16_000, np.float32)
    np.testing.assert_allclose(streamed(128, samples), of_whisper(128, samples), atol=1e-6)


@pytest.mark.parametrize("length", [0, 1, 159, 200, 201, 400, 1601])
def test_a_short_stream_has_a_frame_for_each_hop_it_began(length: int) -> None:
    stage = StreamingLogMel(80)
    samples = spoken(1.0)[:length]
    frames, state = stage.step(samples, stage.initial_state())
    whole = np.concatenate([frames, stage.flush(state)])
    assert whole.shape == (-(-length // HOP), 80)
    np.testing.assert_allclose(whole, stage.forward(samples), atol=1e-6)
