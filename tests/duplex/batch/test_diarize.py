"""Turns of recordings: the function, the command, and one clear line for everything that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

import duplex
from duplex.audio_files.waveform import peaks
from duplex.batch.diarize import Diarization
from duplex.cli import main
from duplex.models.diarization.contract import Turn
from duplex.streaming.errors import InputError, SettingsError
from tests.models.diarization.tones import TonesDiarizer, conversation, tone


@pytest.fixture(autouse=True)
def tones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.models.diarization.load_diarizer", TonesDiarizer, raising=False)


def write(path: Path, samples: np.ndarray, rate: int = 16_000, **options: str) -> Path:
    soundfile.write(path, samples, rate, **options)
    return path


@pytest.fixture
def meeting(tmp_path: Path) -> Path:
    samples = conversation((2, 0.5, 2.0), (0, 1.5, 3.0), (2, 4.0, 5.0), seconds=5.25)
    return write(tmp_path / "meeting.wav", samples)


def fails(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert main(argv) != 0
    err = capsys.readouterr().err
    assert err.startswith("duplex: ") and err.count("\n") == 1, err
    return err


TURNS = [Turn(0.5, 2.0, "speaker 1"), Turn(1.5, 3.0, "speaker 2"), Turn(4.0, 5.0, "speaker 1")]


@pytest.mark.parametrize("latency", [0.0, 0.4, 1.0])
def test_the_turns_of_a_recording(meeting: Path, latency: float) -> None:
    heard = []
    turns = duplex.diarize(meeting, latency=latency, on_progress=lambda *seconds: heard.append(seconds))
    assert turns == TURNS and turns.speakers == ["speaker 1", "speaker 2"]
    assert turns.duration == 5.25 and heard[-1] == (5.25, 5.25)
    samples, _ = soundfile.read(meeting)
    np.testing.assert_allclose(turns.levels, peaks(samples), atol=1e-3)


@pytest.mark.parametrize(("rate", "suffix"), [(8000, ".wav"), (44_100, ".flac"), (48_000, ".ogg")])
def test_any_rate_format_and_number_of_channels(tmp_path: Path, rate: int, suffix: str) -> None:
    from duplex.streaming.resample import resample

    samples = resample(conversation((0, 0.5, 2.0), (1, 2.5, 4.0), seconds=4.5), 16_000, rate)
    path = write(tmp_path / f"call{suffix}", np.stack([samples, samples], axis=1), rate)
    turns = duplex.diarize(path)
    assert [turn.speaker for turn in turns] == ["speaker 1", "speaker 2"]
    np.testing.assert_allclose([[t.start, t.end] for t in turns], [[0.5, 2.0], [2.5, 4.0]], atol=0.11)


def test_a_turn_ends_with_the_recording(tmp_path: Path) -> None:
    assert duplex.diarize(write(tmp_path / "a.wav", tone(0, 1.08))) == [Turn(0.0, 1.08, "speaker 1")]


def test_silence_has_no_turns(tmp_path: Path) -> None:
    turns = duplex.diarize(write(tmp_path / "silent.wav", np.zeros(30_000)))
    assert turns == [] and "the recording is silent" in turns.notes


def test_known_voices_are_named(meeting: Path, tmp_path: Path) -> None:
    ann, bob = write(tmp_path / "ann.wav", tone(0, 3.0)), write(tmp_path / "bob.flac", tone(5, 3.0, 0.2), 16_000)
    turns = duplex.diarize(meeting, speakers={"ann": ann, "bob": bob})
    assert [turn.speaker for turn in turns] == ["speaker 1", "ann", "speaker 1"]


def test_known_voices_must_be_usable(meeting: Path, tmp_path: Path) -> None:
    short, silent = write(tmp_path / "s.wav", tone(0, 0.4)), write(tmp_path / "q.wav", np.zeros(32_000))
    with pytest.raises(InputError, match="too short to know ann by"):
        duplex.diarize(meeting, speakers={"ann": short})
    with pytest.raises(InputError, match="silent"):
        duplex.diarize(meeting, speakers={"ann": silent})
    with pytest.raises(SettingsError, match="more than the 1 speakers"):
        duplex.diarize(meeting, max_speakers=1, speakers={"ann": silent, "bob": short})


@pytest.mark.parametrize("any_level", [False, True])
def test_a_diarizer_that_any_level_suits_hears_the_sound_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, any_level: bool
) -> None:
    loudest = []

    class Meter(TonesDiarizer):
        def step(self, chunk, state):
            loudest.append(np.abs(chunk).max())
            return super().step(chunk, state)

    monkeypatch.setattr(Meter, "any_level", any_level)
    monkeypatch.setattr("duplex.models.diarization.load_diarizer", Meter, raising=False)
    noise = np.random.default_rng(0).normal(0, 1e-4, 96_000).astype(np.float32)
    quiet = conversation((0, 1.0, 2.5), (0, 3.0, 4.5), seconds=6.0) * np.float32(0.01) + noise
    turns = duplex.diarize(write(tmp_path / "a.wav", quiet, subtype="FLOAT"))
    assert (max(loudest) < 0.002) == any_level
    assert any("was heard up to" in note for note in turns.notes) != any_level


def test_no_more_speakers_than_asked_for(meeting: Path) -> None:
    assert duplex.diarize(meeting, max_speakers=1).speakers == ["speaker 1"]
    with pytest.raises(SettingsError, match="1 to 8, not 9"):
        duplex.diarize(meeting, max_speakers=9)
    with pytest.raises(SettingsError, match=r"0\.0, 0\.4, 1\.0 s, not 0\.5"):
        duplex.diarize(meeting, latency=0.5)


def test_the_command_writes_what_the_names_ask_for(meeting: Path, tmp_path: Path) -> None:
    outputs = [tmp_path / "deep" / name for name in ("a.rttm", "a.json", "a.PNG")]
    argv = [part for output in outputs for part in ("-o", str(output))]
    assert main(["diarize", str(meeting), *argv, "--quiet"]) == 0
    assert outputs[0].read_text().splitlines()[1] == ("SPEAKER meeting 1 1.500 1.500 <NA> <NA> speaker_2 <NA> <NA>")
    found = json.loads(outputs[1].read_text())
    assert found["recording"] == "meeting" and found["duration"] == 5.25
    assert found["speakers"][0] == {"name": "speaker 1", "seconds": 2.5, "turns": 2}
    assert found["turns"][1] == {"start": 1.5, "end": 3.0, "speaker": "speaker 2"}
    assert outputs[2].read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in outputs[0].parent.iterdir()) == ["a.PNG", "a.json", "a.rttm"]


def test_without_an_output_the_turns_are_printed(meeting: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diarize", str(meeting), "--speaker", f"ann={meeting}", "--latency", "0.4"]) == 0
    out = capsys.readouterr().out
    assert out.count("SPEAKER meeting 1 ") == 3


def test_several_recordings(meeting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "other").mkdir()
    same = write(tmp_path / "other" / "meeting.flac", tone(1, 2.0))
    damaged = tmp_path / "damaged.wav"
    damaged.write_text("not audio at all " * 100)
    out, joined, listed = tmp_path / "out", tmp_path / "all.rttm", tmp_path / "all.json"
    argv = ["diarize", str(meeting), str(damaged), str(same), "-o", str(out), "-o", str(joined), "-o", str(listed)]
    assert main([*argv, "--quiet"]) == 1
    assert "damaged.wav: not an audio file" in capsys.readouterr().err
    names = {"meeting", "meeting-2"}
    assert {path.name for path in out.iterdir()} == {f"{n}{s}" for n in names for s in (".rttm", ".json", ".png")}
    assert {line.split()[1] for line in joined.read_text().splitlines()} == names
    assert [entry["recording"] for entry in json.loads(listed.read_text())] == ["meeting", "meeting-2"]


def test_what_is_wrong_gets_one_line(meeting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "file").touch()
    (tmp_path / "none").mkdir()
    recording = str(meeting)
    cases = {
        "the file is empty": [str(tmp_path / "empty.wav")],
        "there are no recordings in this folder": [str(tmp_path / "none")],
        "there is no such file": ["absent.wav"],
        "must end in .rttm, .json, .png": [recording, "-o", "x.srt"],
        "a picture shows one recording": [recording, recording, "-o", "x.png"],
        "is a file; the results need a folder": [recording, "-o", str(tmp_path / "file")],
        "cannot be written": [recording, "-o", "/proc/nowhere/x.rttm"],
        "--speaker takes NAME=FILE": [recording, "--speaker", "ann="],
        "no voice called ann is kept": [recording, "--speaker", "ann"],
        "names ann twice": [recording, "--speaker", "ann=a.wav", "--speaker", "ann=b.wav"],
        "max_speakers must be 1 to 8": [recording, "--max-speakers", "0"],
    }
    for message, argv in cases.items():
        assert message in fails(capsys, "diarize", *argv)


@pytest.mark.slow
def test_the_picture_has_the_colours_of_its_speakers(tmp_path: Path) -> None:
    from matplotlib.image import imread

    from duplex.pictures.speaker_timeline import SPEAKERS, draw_speakers

    turns = [Turn(3.0 * n, 3.0 * n + 4, f"speaker {n + 1}") for n in range(8)] + [Turn(30, 90, "speaker 1")]
    levels = np.random.default_rng(0).random(200 * 100).astype(np.float32)
    draw_speakers(Diarization(turns, 100.0, [], levels), tmp_path / "a.png", title="a $ long meeting")
    pixels = {tuple(row) for row in (imread(tmp_path / "a.png")[..., :3].reshape(-1, 3) * 255).round().astype(int)}
    assert all(tuple(bytes.fromhex(colour[1:])) in pixels for colour in SPEAKERS)
    draw_speakers(Diarization([], 0.0, [], levels[:0]), tmp_path / "b.png")  # an empty one is no error
    assert (tmp_path / "b.png").exists()
