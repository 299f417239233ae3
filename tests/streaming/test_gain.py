"""The input gain: quiet speech is raised, everything else passes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.gain import MOST, MOST_OVER_ECHO, NOISE_LIMIT, TARGET, ChannelGains, InputGain


def speechlike(level: float, seconds: float = 6.0, noise: float | None = None) -> np.ndarray:
    """Syllables of a harmonic voice, a pause each second; level: dBFS of the loudest syllables."""
    time = np.arange(round(seconds * 16_000)) / 16_000
    voice = sum(np.sin(2 * np.pi * 130 * n * time) / n for n in range(1, 12))
    shape = np.maximum(0.0, np.sin(2 * np.pi * 2.5 * time)) * (time % 1.2 < 0.9) * (time > 0.3)
    signal = voice * shape
    signal *= 10.0 ** (level / 20.0) / np.sqrt(np.square(voice).mean())
    if noise is not None:
        signal = signal + np.random.default_rng(0).standard_normal(len(time)) * 10.0 ** (noise / 20.0)
    return signal.astype(np.float32)


def gained(signal: np.ndarray) -> tuple[np.ndarray, float]:
    gains = ChannelGains(1)
    out = np.concatenate(
        [signal[at : at + 320] * gains.factors(signal[at : at + 320, None])[:, 0] for at in range(0, len(signal), 320)]
    )
    return out, gains.highest


def loudest(signal: np.ndarray) -> float:
    frames = np.square(signal[: len(signal) // 160 * 160].reshape(-1, 160)).mean(axis=1)
    return float(10.0 * np.log10(np.sort(frames)[-20:].mean()))


@pytest.mark.parametrize("level", [-6.0, -15.0, -22.0])
def test_speech_that_is_loud_enough_passes_bit_for_bit(level: float) -> None:
    signal = speechlike(level)
    out, highest = gained(signal)
    assert highest == 0.0 and np.array_equal(out, signal)


@pytest.mark.parametrize("level", [-35.0, -40.0, -45.0])
def test_quiet_speech_is_raised_to_the_target_within_two_seconds(level: float) -> None:
    out, _ = gained(speechlike(level, noise=level - 35.0))
    assert loudest(out[48_000:]) == pytest.approx(TARGET, abs=5.0)


@pytest.mark.parametrize("level", [-80.0, -60.0, -40.0, -20.0])
def test_steady_noise_and_silence_are_not_raised(level: float) -> None:
    noise = (np.random.default_rng(1).standard_normal(160_000) * 10.0 ** (level / 20.0)).astype(np.float32)
    assert gained(noise)[1] == 0.0
    assert gained(np.zeros(160_000, np.float32))[1] == 0.0


def test_noise_under_quiet_speech_stays_below_its_limit() -> None:
    noise = -60.0
    _, highest = gained(speechlike(-48.0, noise=noise))
    assert 0.0 < highest <= NOISE_LIMIT - noise + 2.0


@given(st.lists(st.tuples(st.floats(-90.0, 0.0), st.floats(0.05, 1.0)), min_size=1, max_size=8), st.integers(0, 9))
def test_nothing_clips_and_the_gain_is_bounded(parts: list[tuple[float, float]], seed: int) -> None:
    """Whatever follows whatever: a whisper, then a shout."""
    rng = np.random.default_rng(seed)
    signal = np.concatenate([rng.uniform(-1, 1, round(s * 16_000)) * 10.0 ** (db / 20.0) for db, s in parts])
    signal = signal.astype(np.float32)
    out, highest = gained(signal)
    assert np.abs(out).max() <= max(1.0, np.abs(signal).max()) and highest <= MOST


def test_the_own_voice_teaches_nothing_and_is_raised_by_little() -> None:
    gains, quiet = ChannelGains(1), speechlike(-45.0, noise=-80.0)

    def last(signal: np.ndarray, *, own_voice: bool) -> float:
        for at in range(0, len(signal), 320):
            factors = gains.factors(signal[at : at + 320, None], own_voice=own_voice)
        return float(20.0 * np.log10(factors[-1, 0]))

    assert last(quiet, own_voice=True) == 0.0
    learned = last(quiet, own_voice=False)
    assert learned > MOST_OVER_ECHO
    assert last(speechlike(-20.0), own_voice=True) == pytest.approx(MOST_OVER_ECHO, abs=0.01)
    assert last(quiet[:16_000], own_voice=False) == pytest.approx(learned, abs=3.0)


def test_one_stream_per_state() -> None:
    from duplex.streaming.errors import StageError

    with pytest.raises(StageError):
        InputGain().initial_state(2)
