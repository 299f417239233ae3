"""Ordinary stereo is one party, a call with a party on each side is two, and no downmix loses anything."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.audio_files.reader import open_recording
from duplex.streaming.errors import InputError, SettingsError

CLIPS = Path(__file__).parents[2] / "data" / "clips"
RATE = 16_000


def clips(speaker: str) -> list[np.ndarray]:
    return [soundfile.read(path, dtype="float32")[0] for path in sorted(CLIPS.glob(f"{speaker}-*.flac"))[:6]]


def pause(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


@pytest.fixture(scope="module")
def talk() -> np.ndarray:
    return np.concatenate([piece for clip in clips("slt") + clips("rms") for piece in (pause(0.4), clip)])


@pytest.fixture(scope="module")
def call() -> tuple[np.ndarray, np.ndarray]:
    left, right = [], []
    for a, b in zip(clips("slt"), clips("rms"), strict=True):
        left += [a, pause(0.3), 0 * b, pause(0.3)]
        right += [0 * a, pause(0.3), b, pause(0.3)]
    return np.concatenate(left), np.concatenate(right)


def noise(length: int, level: float, seed: int) -> np.ndarray:
    return (10 ** (level / 20) * np.random.default_rng(seed).standard_normal(length)).astype(np.float32)


def later(samples: np.ndarray, by: int) -> np.ndarray:
    return np.concatenate([np.zeros(by, np.float32), samples])[: len(samples)]


def stereo(path: Path, left: np.ndarray, right: np.ndarray) -> Path:
    soundfile.write(path, np.clip(np.stack([left, right], axis=1), -1, 1), RATE, subtype="FLOAT")
    return path


def room(samples: np.ndarray, seed: int, direct: float) -> np.ndarray:
    length = round(0.4 * RATE)
    response = np.random.default_rng(seed).standard_normal(length) * np.exp(-6.9 * np.arange(length) / length) * 0.06
    response[0] = direct
    return np.convolve(samples, response)[: len(samples)].astype(np.float32)


ONE_PARTY = {
    "identical": lambda x: (x, x),
    "level": lambda x: (x, 0.25 * x),
    "level, far apart": lambda x: (x, 0.03 * x),
    "delay of 1 ms": lambda x: (x, later(x, 16)),
    "delay of 15 ms": lambda x: (x, later(x, 240)),
    "delay of 150 ms": lambda x: (later(x, 2400), x),
    "opposite polarity": lambda x: (x, -x),
    "opposite polarity, level, noise": lambda x: (x, -0.7 * x + noise(len(x), -50, 2)),
    "own noise": lambda x: (x + noise(len(x), -45, 1), x + noise(len(x), -45, 2)),
    "much noise": lambda x: (x + noise(len(x), -30, 1), x + noise(len(x), -30, 2)),
    "one noisy side": lambda x: (x, x + noise(len(x), -30, 2)),
    "one side only noise": lambda x: (noise(len(x), -40, 2), x),
    "one silent side": lambda x: (x, 0 * x),
    "two microphones in a room": lambda x: (room(x, 1, 1.0), room(x, 2, 0.3)),
}


@pytest.mark.parametrize("name", ONE_PARTY)
def test_ordinary_stereo_is_one_party_and_loses_nothing(tmp_path, talk, name):
    recording = open_recording(stereo(tmp_path / "a.wav", *ONE_PARTY[name](talk)))
    assert recording.parties == 1 and recording.party_names == ("user",)
    assert len(recording.notes) == 1 and recording.notes[0].startswith("stereo: ")
    mono = np.concatenate(list(recording.frames()))[:, 0]
    assert len(mono) == len(talk)
    assert np.sqrt(np.mean(mono**2)) > 0.35 * np.sqrt(np.mean(talk**2))


def panned(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return left + 0.5 * right, right + 0.5 * left


def test_people_who_stand_left_and_right_on_both_sides_are_one_party(tmp_path, call):
    assert open_recording(stereo(tmp_path / "a.wav", *panned(*call))).parties == 1


@pytest.mark.parametrize("codec", [("mp3", "libmp3lame"), ("opus", "libopus"), ("m4a", "aac")])
def test_a_lossy_codec_makes_no_party(tmp_path, talk, call, codec):
    from tests.duplex.audio_files.test_reader import encode

    suffix, encoder = codec
    from duplex.streaming.resample import resample

    for sides, parties in (((talk, talk), 1), ((talk, 0.3 * talk), 1), (call, 2)):
        samples = resample(np.stack(sides, axis=1), RATE, 48_000)
        assert open_recording(encode(tmp_path / f"a.{suffix}", samples, 48_000, encoder)).parties == parties


TWO_PARTIES = {
    "clean": lambda a, b: (a, b),
    "own noise": lambda a, b: (a + noise(len(a), -45, 1), b + noise(len(a), -45, 2)),
    "crosstalk": lambda a, b: (a + 0.1 * b, b + 0.1 * a),
    "echo": lambda a, b: (a + noise(len(a), -60, 1), b + 0.15 * later(a, 1600)),
    "one quiet side": lambda a, b: (a, 0.1 * b),
    "one who speaks once, late": lambda a, b: (
        np.where(np.arange(len(a)) < len(a) - 3 * RATE, a, 0),
        np.where(np.arange(len(a)) >= len(a) - 3 * RATE, b, 0),
    ),
}


@pytest.mark.parametrize("name", TWO_PARTIES)
def test_a_call_with_a_party_on_each_side_is_two(tmp_path, call, name):
    recording = open_recording(stereo(tmp_path / "a.wav", *TWO_PARTIES[name](*call)))
    assert recording.party_names == ("left", "right")
    assert recording.notes == ["stereo: each side carries its own speech and is a party (left, right)"]


@pytest.mark.parametrize("level", [0.03, 0.1, 0.18])
def test_crosstalk_is_not_heard_as_a_party_of_its_own(tmp_path, call, level):
    left, right = call
    sides = left + level * later(right, 400), right + level * later(left, 400)
    recording = open_recording(stereo(tmp_path / "a.wav", *sides))
    heard = np.concatenate(list(recording.frames()))
    assert heard.shape == (len(left), 2)
    for side, own, other in ((0, left, right), (1, right, left)):
        alone = np.abs(later(other, 400)) > 0.02
        assert np.square(heard[alone, side]).sum() < 0.1 * np.square(sides[side][alone]).sum()
        assert np.square(heard[:, side]).sum() > 0.9 * np.square(own).sum()


def test_the_user_may_say_it(tmp_path, talk, call):
    mono, two = stereo(tmp_path / "m.wav", talk, talk), stereo(tmp_path / "c.wav", *call)
    assert open_recording(mono, "split").parties == 2
    assert open_recording(two, "mix").parties == 1
    left = np.concatenate(list(open_recording(two, 1).frames()))[:, 0]
    assert np.allclose(left, call[0], atol=1e-6)
    for number in (2, "2"):
        right = np.concatenate(list(open_recording(two, number).frames()))[:, 0]
        assert np.allclose(right, call[1], atol=1e-6)
    with pytest.raises(InputError, match="no channel 3; the recording has 2"):
        open_recording(two, 3)
    for wrong in ("0", "both", "-1", ""):
        with pytest.raises(SettingsError, match="auto, mix, split or a channel's number"):
            open_recording(two, wrong)


def test_many_channels_do_not_cancel(tmp_path, talk):
    channels = np.stack([talk, -talk, 0 * talk, 0.5 * talk, -0.5 * talk, talk], axis=1)
    soundfile.write(tmp_path / "a.wav", channels, RATE, subtype="FLOAT")
    recording = open_recording(tmp_path / "a.wav")
    mono = np.concatenate(list(recording.frames()))[:, 0]
    assert abs(np.corrcoef(mono, talk)[0, 1]) > 0.999
    assert np.sqrt(np.mean(mono**2)) > 0.5 * np.sqrt(np.mean(talk**2))
    assert recording.notes == ["6 channels were mixed into one; 1, 2, 4, 5, 6 carry sound; polarity was corrected"]
    assert open_recording(tmp_path / "a.wav", "split").party_names == tuple(f"channel {n}" for n in range(1, 7))
