"""The command as a stranger uses it: what it writes, and one clear line for everything that is wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

from duplex.cli import main
from duplex.models.store import find
from duplex.session_record.session_log import read_log

SPEECH = Path(__file__).parents[2] / "data" / "clips"


def fails(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Runs a command that must fail, with one line and without a traceback; returns the line."""
    assert main(argv) != 0
    err = capsys.readouterr().err
    assert err.startswith("duplex: ") and err.count("\n") == 1, err
    return err


@pytest.fixture(scope="module")
def question() -> np.ndarray:
    """Someone asks for the time, and four seconds in which to answer."""
    from duplex.testing import read_clips

    clip = next(c for c in read_clips(SPEECH).values() if c.text.startswith("what time is it"))
    rng = np.random.default_rng(0)
    audio = rng.normal(0, 3e-4, round((clip.duration + 5) * 16_000)).astype(np.float32)
    audio[8000 : 8000 + len(clip.samples)] += clip.samples
    return audio


def write(path: Path, audio: np.ndarray, rate: int = 16_000, **kwargs: str) -> Path:
    soundfile.write(path, audio, rate, **kwargs)
    return path


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory, question: np.ndarray) -> Path:
    folder = tmp_path_factory.mktemp("run")
    recording = write(folder / "call.wav", question)
    assert main(["run", str(recording), "--out", str(folder / "out"), "--quiet"]) == 0
    return folder / "out"


def test_run_writes_everything(conversation: Path) -> None:
    names = {path.name for path in conversation.iterdir()}
    assert names == {
        "events.jsonl",
        "input.wav",
        "assistant.wav",
        "mix.wav",
        "transcript.srt",
        "transcript.vtt",
        "transcript.txt",
        "turns.rttm",
        "summary.json",
        "timeline.png",
    }
    assert (conversation / "timeline.png").read_bytes()[:4] == b"\x89PNG"


def test_run_answers_and_its_files_agree(conversation: Path) -> None:
    log = read_log(conversation / "events.jsonl")
    assert log.ended and not log.lost
    (turn,) = log.turns
    (reply,) = log.replies
    assert "time" in turn.text and reply.turn == turn.number
    assistant, rate = soundfile.read(conversation / "assistant.wav")
    assert rate == 16_000
    loud = np.flatnonzero(np.abs(assistant) > 1e-3) / rate
    assert loud[0] == pytest.approx(reply.start, abs=1e-3) and loud[-1] == pytest.approx(reply.end, abs=1e-3)
    assert reply.text in (conversation / "transcript.txt").read_text()
    summary = json.loads((conversation / "summary.json").read_text())
    delays = summary["turns"][0]["latency_ms"]
    assert delays["total"] == pytest.approx(delays["decision"] + delays["first_token"] + delays["first_audible"], abs=1)
    assert " assistant " in (conversation / "turns.rttm").read_text()


@pytest.mark.slow
def test_run_twice_gives_the_identical_log(conversation: Path, tmp_path: Path) -> None:
    recording = conversation.parent / "call.wav"
    assert main(["run", str(recording), "--out", str(tmp_path / "again"), "--quiet"]) == 0
    assert (tmp_path / "again" / "events.jsonl").read_bytes() == (conversation / "events.jsonl").read_bytes()


@pytest.mark.slow
def test_run_keeps_the_parties_of_a_stereo_recording_apart(tmp_path: Path, question: np.ndarray) -> None:
    right = np.roll(question, 3 * 16_000)
    recording = write(tmp_path / "two.flac", np.stack([question, right], axis=1))
    assert main(["run", str(recording), "--out", str(tmp_path / "out"), "--no-assistant", "--quiet"]) == 0
    log = read_log(tmp_path / "out" / "events.jsonl")
    assert {turn.party for turn in log.turns} == {"left", "right"}
    assert not log.replies


@pytest.mark.slow
@pytest.mark.parametrize("rate", [8000, 96_000])
def test_run_takes_any_rate(tmp_path: Path, question: np.ndarray, rate: int) -> None:
    from duplex.streaming.resample import resample

    recording = write(tmp_path / "call.wav", resample(question, 16_000, rate), rate)
    assert main(["run", str(recording), "--out", str(tmp_path / "out"), "--quiet"]) == 0
    assert read_log(tmp_path / "out" / "events.jsonl").turns


@pytest.mark.slow
def test_run_survives_odd_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    cases = {
        "silent": np.zeros(32_000, np.float32),
        "nan": np.full(32_000, np.nan, np.float32),
        "clipped": np.sign(rng.normal(size=32_000)).astype(np.float32),
        "eight": rng.normal(0, 0.01, (32_000, 8)).astype(np.float32),
    }
    for name, audio in cases.items():
        recording = write(tmp_path / f"{name}.wav", audio, subtype="FLOAT")
        assert main(["run", str(recording), "--out", str(tmp_path / name), "--no-assistant"]) == 0
        assert read_log(tmp_path / name / "events.jsonl").ended
    out = capsys.readouterr().out
    for note in ("silent", "not numbers", "clipped", "8 channels"):
        assert note in out


def test_bad_inputs_get_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("this is not audio at all\n" * 40)
    cases = {
        "empty.wav": "the file is empty",
        "text.wav": "cannot be read as audio",
        ".": "is a folder",
        "absent.wav": "there is no such file",
    }
    for name, message in cases.items():
        line = fails(capsys, "run", str(tmp_path / name), "--out", str(tmp_path / "out"))
        assert message in line and str(tmp_path) in line
        assert not (tmp_path / "out").exists()  # nothing half-written
        if name != ".":
            assert message in fails(capsys, "transcribe", str(tmp_path / name), "-o", str(tmp_path / "out.srt"))
        assert not (tmp_path / "out.srt").exists()


@pytest.mark.slow
def test_a_truncated_file_is_used_as_far_as_it_goes(
    tmp_path: Path, question: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = write(tmp_path / "whole.wav", question).read_bytes()
    (tmp_path / "half.wav").write_bytes(whole[: len(whole) // 2])
    assert main(["run", str(tmp_path / "half.wav"), "--out", str(tmp_path / "out")]) == 0
    assert "truncated" in capsys.readouterr().out


@pytest.mark.slow
def test_bad_outputs_get_one_line_each(
    tmp_path: Path, question: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    recording = str(write(tmp_path / "call.wav", question))
    (tmp_path / "file").touch()
    assert "is a file" in fails(capsys, "run", recording, "--out", str(tmp_path / "file"))
    assert "/proc" in fails(capsys, "run", recording, "--out", "/proc/nowhere/out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, which every write to fails")
def test_a_full_disk_gets_one_line(
    tmp_path: Path, question: np.ndarray, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from duplex.session_record import record_files as recording_module

    recording = str(write(tmp_path / "call.wav", question))
    prepare = recording_module._prepare

    def full(folder: Path) -> None:
        prepare(folder)
        (folder / "mix.wav").symlink_to("/dev/full")

    monkeypatch.setattr(recording_module, "_prepare", full)
    assert "space" in fails(capsys, "run", recording, "--out", str(tmp_path / "out"), "--quiet")


def test_wrong_settings_get_one_line_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean 'workers'" in fails(capsys, "run", "x.wav", "--set", "worker=2")
    assert "NAME=VALUE" in fails(capsys, "run", "x.wav", "--set", "workers")
    assert "no such settings file" in fails(capsys, "run", "x.wav", "--settings", str(tmp_path / "none.toml"))


@pytest.mark.slow
def test_models_that_cannot_be_had_get_one_line(tmp_path: Path, question: np.ndarray) -> None:
    recording = str(write(tmp_path / "call.wav", question))
    for flag in ("--recognizer", "--model"):
        argv = ["run", recording, "--out", str(tmp_path / "out"), flag, "nobody/no-such-model"]
        environ = {**os.environ, "HF_HUB_OFFLINE": "1"}
        done = subprocess.run(
            [sys.executable, "-m", "duplex.cli", *argv], env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode != 0
        line = done.stderr.strip().splitlines()[-1]
        assert line.startswith("duplex: ") and "nobody/no-such-model" in line and "Traceback" not in done.stderr
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--llm", "http://127.0.0.1:9/v1"], "the language model cannot be reached"),
        (["--voice", "nobody"], "no voice 'nobody'"),
        (["--language", "xx"], "'xx'"),
        (["--speaker", "ann={}", "--user", "bob"], "'bob' is none of the known voices: ann"),
        (["--channels", "both"], "auto, mix, split or a channel's number"),
    ],
)
def test_what_would_end_in_silence_is_said_at_the_start(
    tmp_path: Path, question: np.ndarray, capsys: pytest.CaptureFixture[str], monkeypatch, flags, message
) -> None:
    for name in os.environ:
        if "proxy" in name.lower():
            monkeypatch.delenv(name)
    recording = str(write(tmp_path / "call.wav", question))
    argv = ["run", recording, "--out", str(tmp_path / "out"), "--quiet", *(flag.format(recording) for flag in flags)]
    assert message in fails(capsys, *argv)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "argv", [["diarize"], ["frob"], ["run", "x.wav", "--frob"], ["transcribe", "x", "--latency", "7"], []]
)
def test_wrong_arguments_are_one_line(argv: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(argv)
    err = capsys.readouterr().err
    assert ended.value.code == 2 and err.startswith("duplex: ") and err.count("\n") == 1, err


def test_help_offers_what_a_command_uses(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["transcribe", "--help"])
    out = capsys.readouterr().out
    assert "--recognizer" in out and "--channels" in out
    assert "--voice" not in out and "--llm" not in out and "--no-assistant" not in out and "recogniser" not in out


@pytest.mark.skipif(not hasattr(signal, "SIGPIPE"), reason="pipes of POSIX")
def test_a_reader_who_leaves_and_a_terminal_that_cannot_show_a_name(tmp_path: Path, question: np.ndarray) -> None:
    recording = str(write(tmp_path / "日本語.wav", question))
    command = [sys.executable, "-m", "duplex.cli", "diarize", "--diarizer", "ls-eend", recording]
    read, written = os.pipe()
    os.close(read)
    done = subprocess.run(command, stdout=written, stderr=subprocess.PIPE, text=True, check=False)
    os.close(written)
    assert done.returncode == 141 and done.stderr == ""
    environ = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert shown.returncode == 0 and "SPEAKER \\u65e5" in shown.stdout


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="kill -9")
def test_what_was_recorded_survives_a_kill(tmp_path: Path, question: np.ndarray) -> None:
    recording = str(write(tmp_path / "call.wav", np.concatenate([question] * 4)))
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, "-m", "duplex.cli", "run", recording, "--out", str(out), "--pace", "real", "--quiet"]
    )
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        time.sleep(0.2)
        if (out / "events.jsonl").exists() and '"turn"' in (out / "events.jsonl").read_text():
            break
    process.send_signal(signal.SIGKILL)
    process.wait()
    log = read_log(out / "events.jsonl")
    assert log.turns and not log.ended
    for name in ("input.wav", "assistant.wav", "mix.wav"):
        audio, _ = soundfile.read(out / name)
        assert len(audio) >= 16_000


@pytest.mark.slow
def test_the_demo_shows_what_it_promises(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if find("moonshine-tiny-en") is None:
        pytest.skip("needs weights: duplex models pull moonshine-tiny-en")
    assert main(["demo", "--out", str(tmp_path / "demo")]) == 0
    log = read_log(tmp_path / "demo" / "events.jsonl")
    kinds = {decision.kind for decision in log.decisions}
    assert {"endpoint", "barge_in", "backchannel", "false_interruption", "announce"} <= kinds
    assert len(log.replies) >= 6 and any(reply.interrupted for reply in log.replies)
    out = capsys.readouterr().out
    assert "assistant" in out and "timeline.png" in out


def test_doctor_says_what_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "pocketsphinx" in out and "The default conversation can run." in out
    assert main(["doctor", "--voices"]) == 0
    assert "en-us" in capsys.readouterr().out


@pytest.mark.slow
def test_transcribe_writes_what_the_name_asks_for(tmp_path: Path, question: np.ndarray) -> None:
    recording = str(write(tmp_path / "call.wav", question))
    for name, sign in (("a.srt", "-->"), ("a.vtt", "WEBVTT"), ("a.txt", "time"), ("a.json", '"words"')):
        assert main(["transcribe", recording, "-o", str(tmp_path / name), "--quiet"]) == 0
        assert sign in (tmp_path / name).read_text()
