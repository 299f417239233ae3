"""The shipped diarizer, through the public function: what a user may expect of it on plain recordings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

import duplex
from duplex.models.diarization.contract import Turn
from duplex.models.diarization.train.baselines import one_speaker
from duplex.models.diarization.train.scoring import error_times
from duplex.streaming.resample import resample

CLIPS = Path(__file__).parents[2] / "data" / "clips"
WOMAN = ("slt-story-my-sister-is-coming-on-friday-and-she", "slt-story-the-old-house-by-the-river-has-been")
MAN = ("rms-story-my-car-is-in-the-garage-and-i", "rms-story-i-have-to-finish-the-report-before-the")


def clip(name: str) -> np.ndarray:
    return soundfile.read(CLIPS / f"{name}.flac", dtype="float32")[0]


@pytest.fixture(scope="module")
def dialogue() -> tuple[np.ndarray, list[Turn]]:
    """A woman and a man in turn, twice each, half a second apart, in a little noise."""
    samples, turns = [np.zeros(8000, np.float32)], []
    for name, speaker in ((WOMAN[0], "w"), (MAN[0], "m"), (WOMAN[1], "w"), (MAN[1], "m")):
        start = sum(map(len, samples)) / 16_000
        samples += [clip(name), np.zeros(8000, np.float32)]
        turns.append(Turn(start, start + len(samples[-2]) / 16_000, speaker))
    joined = np.concatenate(samples)
    noise = np.random.default_rng(0).normal(0, 10 ** (-65 / 20), len(joined))
    return (joined + noise).astype(np.float32), turns


def write(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    soundfile.write(path, samples, rate)
    return path


@pytest.mark.slow
@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
def test_two_people_are_two_speakers(dialogue: tuple[np.ndarray, list[Turn]], tmp_path: Path, latency: float) -> None:
    samples, truth = dialogue
    duration = len(samples) / 16_000
    turns = duplex.diarize(write(tmp_path / "a.wav", samples), latency=latency)
    assert turns.speakers[:2] == ["speaker 1", "speaker 2"]
    assert error_times(truth, turns, duration).rate < 0.6 * error_times(truth, one_speaker(samples), duration).rate


@pytest.mark.slow
def test_a_known_voice_is_recognized(dialogue: tuple[np.ndarray, list[Turn]], tmp_path: Path) -> None:
    samples, truth = dialogue
    voice = write(tmp_path / "tom.wav", np.concatenate([clip("rms-what-can-you-do"), clip(MAN[1])]))
    turns = duplex.diarize(write(tmp_path / "a.wav", samples), speakers={"tom": voice})
    assert "tom" in turns.speakers
    named = [turn for turn in turns if turn.speaker == "tom"]
    own = sum(min(t.end, m.end) - max(t.start, m.start) for t in named for m in truth if m.speaker == "m"
              and min(t.end, m.end) > max(t.start, m.start))  # fmt: skip
    assert own > 0.6 * sum(turn.duration for turn in named)


@pytest.mark.slow
def test_where_nobody_speaks_there_is_nobody(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, level in (("silence", 0.0), ("hiss", 10 ** (-70 / 20)), ("noise", 10 ** (-40 / 20))):
        samples = rng.normal(0, 1, 16_000 * 30) * level
        assert duplex.diarize(write(tmp_path / f"{name}.wav", samples)) == [], name


@pytest.mark.slow
def test_a_telephone_will_do(dialogue: tuple[np.ndarray, list[Turn]], tmp_path: Path) -> None:
    pytest.importorskip("scipy")  # scores
    samples, truth = dialogue
    turns = duplex.diarize(write(tmp_path / "a.wav", resample(samples, 16_000, 8000), 8000))
    assert len(turns.speakers) >= 2
    duration = len(samples) / 16_000
    assert error_times(truth, turns, duration).rate < error_times(truth, one_speaker(samples), duration).rate
