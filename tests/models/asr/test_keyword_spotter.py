"""The command spotter on spoken bursts: commands are found, what a listener says and noises are not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.asr import load_spotter
from duplex.models.asr.contract import Hypothesis
from duplex.models.asr.keyword_spotter import KeywordSpotter, SpotterState, voiced_frames
from duplex.streaming.errors import StageError

CLIPS = Path(__file__).parents[2] / "data" / "clips"
RATE = 16_000


@pytest.fixture(scope="module")
def spotter() -> Iterator[KeywordSpotter]:
    engine = load_spotter("en-GB")
    assert isinstance(engine, KeywordSpotter)
    yield engine
    engine.close()


def burst(name: str, gain: float = 1.0) -> np.ndarray:
    """A clip in a quiet room, as the segmenter cuts it."""
    samples, rate = soundfile.read(CLIPS / f"{name}.flac", dtype="float32")
    assert rate == RATE
    samples = np.pad(samples * gain, (4000, 6400 + -(len(samples) + 800) % 1600))
    return samples + np.random.default_rng(0).normal(0, 1e-3, len(samples)).astype(np.float32)


def feed(spotter: KeywordSpotter, samples: np.ndarray, state: SpotterState) -> None:
    for at in range(0, len(samples) - spotter.hop + 1, spotter.hop):
        hypothesis, _ = spotter.step(samples[at : at + spotter.hop], state)
        assert hypothesis is None


def heard(spotter: KeywordSpotter, samples: np.ndarray) -> Hypothesis:
    state = spotter.initial_state()
    feed(spotter, samples, state)
    return spotter.flush(state)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("slt-interruption-stop", "stop"),
        ("kal16-interruption-stop", "stop"),
        ("slt_hts-interruption-wait", "wait"),
        ("awb-interruption-wait-a-minute", "wait a minute"),
        ("rms-interruption-hold-on-a-second", "hold on a second"),
        ("kal16-interruption-excuse-me", "excuse me"),
    ],
)
def test_a_command_is_found_with_its_times(spotter: KeywordSpotter, name: str, text: str) -> None:
    samples = burst(name)
    found = heard(spotter, samples)
    assert (found.text, found.stable, found.final) == (text, len(text.split()), True)
    assert all(0 <= word.start < word.end <= len(samples) for word in found.words)


@pytest.mark.parametrize(
    "name",
    [
        "slt_hts-backchannel-mhm",
        "slt_hts-backchannel-right",
        "slt-backchannel-yeah",
        "awb-backchannel-okay",
        "kal16-backchannel-i-see",
        "cough-1",
        "cough-4",
        "throat-1",
        "knock-1",
        "click-1",
        "typing-1",
        "dog-1",
        "rain-burst-1",
        "slt-convert-ten-miles-to-kilometers",
    ],
)
def test_what_is_no_command_is_not_taken_for_one(spotter: KeywordSpotter, name: str) -> None:
    assert not heard(spotter, burst(name)).words


def test_silence_and_nothing_and_noise_have_no_command(spotter: KeywordSpotter) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, RATE).astype(np.float32)
    for samples in (np.zeros(0, np.float32), np.zeros(RATE, np.float32), noise):
        assert heard(spotter, samples) == Hypothesis(final=True)


def test_a_long_burst_is_no_longer_listened_to(spotter: KeywordSpotter) -> None:
    state = spotter.initial_state()
    feed(spotter, np.concatenate([burst("slt-interruption-stop"), np.zeros(4 * RATE, np.float32)]), state)
    assert state.heard < 3.2 * RATE
    assert not spotter.flush(state).words


def test_two_bursts_at_once_do_not_mix(spotter: KeywordSpotter) -> None:
    one, two = burst("slt-interruption-stop"), burst("slt_hts-interruption-wait")
    first, second = spotter.initial_state(), spotter.initial_state()
    for at in range(0, max(len(one), len(two)), spotter.hop):
        for samples, state in ((one, first), (two, second)):
            if len(chunk := samples[at : at + spotter.hop]) == spotter.hop:
                spotter.step(chunk, state)
    assert (spotter.flush(first).text, spotter.flush(second).text) == ("stop", "wait")


def test_a_dead_process_costs_one_burst(spotter: KeywordSpotter) -> None:
    samples = burst("slt-interruption-stop")
    state = spotter.initial_state()
    spotter.step(samples[: spotter.hop], state)
    assert state.worker is not None
    os.kill(state.worker.pid, signal.SIGKILL)
    with pytest.raises(StageError, match="command spotter: its process ended"):
        feed(spotter, samples, state)
    assert heard(spotter, samples).text == "stop"


def test_other_languages_have_no_spotter() -> None:
    assert load_spotter("de") is None


@given(pitch=st.floats(80, 380), level=st.floats(0.01, 0.5))
@settings(max_examples=20, deadline=None)
def test_a_pitch_is_voiced_at_any_level(pitch: float, level: float) -> None:
    time = np.arange(RATE // 2) / RATE
    tone = sum(np.sin(2 * np.pi * pitch * n * time) / n for n in range(1, 6)) * level
    assert voiced_frames(tone.astype(np.float32)) > 40


def test_noise_is_not_voiced() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE)
    assert voiced_frames(noise.astype(np.float32)) == 0
    assert voiced_frames(np.zeros(100, np.float32)) == 0
