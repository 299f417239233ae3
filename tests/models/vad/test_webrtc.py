"""Activity on real speech and on what is not speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.models.vad.contract import ActivityFrame, VoiceActivityDetector
from duplex.models.vad.webrtc import ActivitySettings, WebRtcVad
from duplex.streaming.errors import InputError, SettingsError, StageError

DATA = Path(__file__).parents[2] / "data" / "activity"
HOP = 160
RATE = 16_000
SEGMENTS = [(0.11, 1.44), (3.74, 5.72)]
"""Where speech.flac is spoken, in seconds."""


def recording(name: str) -> np.ndarray:
    return soundfile.read(DATA / f"{name}.flac", dtype="float32")[0]


@pytest.fixture(scope="module")
def speech() -> np.ndarray:
    return recording("speech")


def detect(signal: np.ndarray, detector: VoiceActivityDetector | None = None) -> list[ActivityFrame]:
    detector = detector or WebRtcVad()
    state, frames = detector.initial_state(), []
    for at in range(0, len(signal) // HOP * HOP, HOP):
        frame, state = detector.step(signal[at : at + HOP].astype(np.float32), state)
        frames.append(frame)
    last = detector.flush(state)
    return frames if last is None else [*frames, last]


def segments(frames: list[ActivityFrame]) -> list[tuple[float, float]]:
    onsets = [frame.onset / RATE for frame in frames if frame.onset is not None]
    offsets = [frame.offset / RATE for frame in frames if frame.offset is not None]
    return list(zip(onsets, offsets, strict=True))


def assert_found(frames: list[ActivityFrame], *, start: float = 0.0, onset_within: float, offset_within: float) -> None:
    found = segments(frames)
    assert len(found) == len(SEGMENTS)
    for (onset, offset), (begin, end) in zip(found, SEGMENTS, strict=True):
        assert abs(onset - start - begin) < onset_within
        assert abs(offset - start - end) < offset_within


def vowel(seconds: float, pitch: float = 120.0, level: float = 0.1) -> np.ndarray:
    """Glottal pulses through two resonances."""
    count = round(seconds * RATE)
    pulses = (np.diff(np.floor(np.arange(count + 1) * pitch / RATE)) > 0).astype(float)
    time = np.arange(400) / RATE
    response = sum(np.exp(-time * 300) * np.sin(2 * np.pi * formant * time) for formant in (650.0, 1100.0))
    signal = np.convolve(pulses, response)[:count]
    return (signal * level / np.std(signal)).astype(np.float32)


def noise(seconds: float, level: float, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).standard_normal(round(seconds * RATE)) * level).astype(np.float32)


@pytest.mark.parametrize(("gain", "onset_within"), [(8.0, 0.2), (1.0, 0.2), (0.1, 0.3), (0.05, 0.3)])
def test_speech_is_found_however_loud(speech: np.ndarray, gain: float, onset_within: float) -> None:
    """It begins with a soft consonant, which is below the threshold in soft speech."""
    assert_found(detect(np.clip(speech * gain, -1, 1)), onset_within=onset_within, offset_within=0.15)


def test_speech_is_found_in_rain(speech: np.ndarray) -> None:
    rain = np.resize(recording("rain"), 5 * RATE + len(speech))
    voice = np.concatenate([np.zeros(5 * RATE, np.float32), speech])
    spoken = speech[int(0.11 * RATE) : int(1.44 * RATE)]
    mixed = 0.5 * (voice + rain * (np.std(spoken) / np.std(rain) * 10 ** (-10 / 20)))
    assert_found(detect(mixed), start=5.0, onset_within=0.3, offset_within=0.45)


@pytest.mark.parametrize("pitch", [80.0, 120.0, 220.0, 320.0])
def test_a_voice_is_confirmed_within_a_tenth_of_a_second(pitch: float) -> None:
    frames = detect(np.concatenate([noise(1.0, 1e-4), vowel(0.5, pitch), noise(1.0, 1e-4)]))
    confirmed = [index + 1 for index, frame in enumerate(frames) if frame.onset is not None]
    assert len(confirmed) == 1
    assert 0.04 <= confirmed[0] * HOP / RATE - 1.0 <= 0.10
    assert abs(segments(frames)[0][0] - 1.0) <= 0.03


def test_it_ends_after_the_hangover() -> None:
    frames = detect(np.concatenate([noise(1.0, 1e-4), vowel(0.5), noise(1.0, 1e-4)]))
    ended = next(index + 1 for index, frame in enumerate(frames) if frame.offset is not None)
    offset = frames[ended - 1].offset
    assert offset is not None
    assert ended * HOP - offset == 20 * HOP
    assert 1.5 <= offset / RATE <= 1.6
    assert [frame.active for frame in frames].index(True) < ended


@pytest.mark.parametrize("name", ["rain", "fire"])
def test_weather_is_not_speech(name: str) -> None:
    assert not segments(detect(np.resize(recording(name), 12 * RATE)))


@pytest.mark.parametrize("level", [1e-5, 0.003, 0.03, 0.3, 1.0])
def test_stationary_noise_is_not_speech(level: float) -> None:
    assert not segments(detect(np.clip(noise(8.0, level), -1, 1)))


def test_low_rumble_is_not_speech() -> None:
    rumble = np.cumsum(noise(8.0, 1.0))
    rumble -= np.convolve(rumble, np.ones(800) / 800, "same")
    assert not segments(detect((rumble / np.abs(rumble).max() * 0.5).astype(np.float32)))


@pytest.mark.parametrize("seconds", [0.05, 0.2, 0.5])
@pytest.mark.parametrize("level", [0.02, 0.2])
def test_bursts_of_noise_are_not_speech(seconds: float, level: float) -> None:
    signal = noise(10.0, 2e-4)
    for at in range(RATE, 9 * RATE, RATE):
        signal[at : at + round(seconds * RATE)] += noise(seconds, level, seed=at)
    assert not segments(detect(signal))


def test_clicks_are_not_speech() -> None:
    signal = noise(10.0, 2e-4)
    signal[:: RATE // 4] = 0.9
    signal[1 :: RATE // 4] = -0.9
    assert not segments(detect(signal))


def test_a_beep_is_not_speech() -> None:
    beep = 0.3 * np.sin(2 * np.pi * 1000 * np.arange(RATE // 2) / RATE)
    assert not segments(detect(np.concatenate([noise(1.0, 1e-4), beep, noise(1.0, 1e-4)])))


def test_a_hum_is_not_speech_for_long() -> None:
    """It is periodic at a voice's pitch, and does not stop: the floor rises to it."""
    found = segments(detect(np.concatenate([noise(1.0, 1e-4), vowel(20.0, 100.0)])))
    assert all(offset < 1.0 + 6.0 for _, offset in found)


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0])
def test_nothing_moves(value: float) -> None:
    frames = detect(np.full(5 * RATE, value, np.float32))
    assert not any(frame.active for frame in frames)
    assert frames[-1].level_db == pytest.approx(-100.0 if value == 0 else 0.0, abs=0.01)


def test_a_full_scale_square_wave_is_survived(speech: np.ndarray) -> None:
    square = np.sign(np.sin(2 * np.pi * 150 * np.arange(RATE) / RATE))
    frames = detect(np.concatenate([square, np.zeros(2 * RATE), speech]))
    after = [(onset, offset) for onset, offset in segments(frames) if onset > 2.5]
    assert [round(onset - 3.0, 1) for onset, _ in after] == [round(onset, 1) for onset, _ in segments(detect(speech))]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_bad_samples_are_silence_and_leave_nothing_behind(speech: np.ndarray, bad: float) -> None:
    poisoned = np.concatenate([np.full(RATE, bad, np.float32), speech])
    clean = np.concatenate([np.zeros(RATE, np.float32), speech])
    assert detect(poisoned) == detect(clean)
    with np.errstate(invalid="raise"):
        poisoned[RATE + 100 :: 1000] = bad
        assert all(np.isfinite(frame.level_db) for frame in detect(poisoned))


def test_samples_beyond_full_scale_are_clipped(speech: np.ndarray) -> None:
    spikes = speech.copy()
    spikes[::500] *= 40.0
    clipped = detect(np.clip(spikes, -1, 1))
    assert [frame.active for frame in detect(spikes)] == [frame.active for frame in clipped]


def test_speech_may_begin_before_the_stream(speech: np.ndarray) -> None:
    frames = detect(speech[int(0.5 * RATE) :])
    onset, offset = segments(frames)[0]
    assert onset < 0.1
    assert abs(offset - 0.94) < 0.15


def test_flush_ends_what_is_going_on() -> None:
    detector = WebRtcVad()
    frames = detect(np.concatenate([noise(0.5, 1e-4), vowel(0.5)]), detector)
    assert not frames[-1].active
    assert frames[-1].offset == RATE
    assert detector.flush(detector.initial_state()) is None


@settings(max_examples=25, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["voice", "noise", "rest"]), st.floats(0.02, 0.8), st.floats(0.001, 1.0)), max_size=12
    )
)
def test_onsets_and_offsets_alternate(parts: list[tuple[str, float, float]]) -> None:
    kinds = {"voice": lambda s, level: vowel(s, level=level), "noise": noise, "rest": lambda s, level: noise(s, 1e-5)}
    signal = np.concatenate([noise(0.1, 1e-4), *(kinds[kind](seconds, level) for kind, seconds, level in parts)])
    active, last = False, 0
    for index, frame in enumerate(detect(np.clip(signal, -1, 1))):
        assert (frame.onset is not None) == (frame.active and not active)
        assert (frame.offset is not None) == (active and not frame.active)
        for event in (frame.onset, frame.offset):
            if event is not None:
                assert last <= event <= (index + 1) * HOP
                assert event % HOP == 0
                last = event
        active = frame.active
    assert not active


def test_settings_change_the_times() -> None:
    detector = WebRtcVad(ActivitySettings(hangover=50))
    frames = detect(np.concatenate([noise(1.0, 1e-4), vowel(0.5), noise(1.0, 1e-4)]), detector)
    ended = next(index + 1 for index, frame in enumerate(frames) if frame.offset is not None)
    assert ended * HOP - (frames[ended - 1].offset or 0) == 50 * HOP


@pytest.mark.parametrize(
    "wrong",
    [
        {"mode": 4},
        {"onset_speech": 9},
        {"onset_voiced": 6},
        {"onset_voiced": 0},
        {"onset_window": 40},
        {"hangover": 0},
        {"floor_frames": 3},
    ],
)
def test_contradictory_settings_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingsError, match="activity"):
        ActivitySettings(**wrong)


def test_one_state_is_one_stream() -> None:
    with pytest.raises(StageError, match="one stream per state"):
        WebRtcVad().initial_state(2)
    assert (WebRtcVad.hop, WebRtcVad.sample_rate, WebRtcVad.latency) == (HOP, RATE, 0)


def test_a_frame_of_another_length_is_refused() -> None:
    detector = WebRtcVad()
    for length in (0, 80, 161, 320):
        with pytest.raises(InputError, match="160 samples"):
            detector.step(np.zeros(length, np.float32), detector.initial_state())
