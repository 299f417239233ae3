"""Several recordings, folders and standard input, for the commands that turn recordings into texts."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile

from duplex.audio_files.atomic_write import fitting_name, write_whole
from duplex.batch.files import Source, work
from duplex.cli import main
from duplex.streaming.errors import InputError, OutputError
from tests.models.diarization.tones import TonesDiarizer, tone


@pytest.fixture(autouse=True)
def tones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("duplex.models.diarization.load_diarizer", TonesDiarizer)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.wav", "a.flac", "sub/a.wav"):
        (tmp_path / "in" / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(tmp_path / "in" / name, tone(0, 1.5), 16_000)
    (tmp_path / "in" / "bad.wav").write_text("words " * 100)
    (tmp_path / "in" / "notes.txt").write_text("words")
    return tmp_path


def test_a_folder_is_mirrored_and_one_failure_ends_one_file(folder: Path, capsys) -> None:
    assert main(["diarize", str(folder / "in"), "-o", str(folder / "out"), "--quiet"]) == 1
    made = {path.relative_to(folder / "out").as_posix() for path in (folder / "out").rglob("*.rttm")}
    assert made == {"a.rttm", "a-2.rttm", "sub/a.rttm"}
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and "bad.wav: not an audio file" in err
    assert not list((folder / "out").rglob(".duplex*"))


def test_several_in_one_file(folder: Path) -> None:
    names = [str(folder / "in" / name) for name in ("a.wav", "sub/a.wav")]
    assert main(["transcribe", *names, "-o", str(folder / "new" / "all.json"), "--no-speakers", "--quiet"]) == 0
    assert [each["recording"] for each in json.loads((folder / "new" / "all.json").read_text())] == ["a", "a-2"]


def test_standard_input(folder: Path, monkeypatch, capsys) -> None:
    data = (folder / "in" / "a.wav").read_bytes()
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))
    assert main(["diarize", "-", "--quiet"]) == 0
    assert capsys.readouterr().out.startswith("SPEAKER stdin 1 ")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["in/a.wav", "-o", "in/a.wav/x.srt"], "cannot be written"),
        (["in/a.wav", "-o", "/proc/nowhere/x.srt"], "cannot be written"),
        (["in/a.wav", "in/a.flac", "-o", "x.srt"], "a .srt file holds one recording"),
        (["empty"], "there are no recordings in this folder"),
        (["own.json", "-o", "own.json"], "would replace a recording"),
        (["in/a.wav", "--jobs", "0"], "--jobs must be at least 1"),
    ],
)
def test_outputs_are_checked_before_work(folder: Path, monkeypatch, capsys, argv, message) -> None:
    monkeypatch.chdir(folder)
    (folder / "empty").mkdir()
    (folder / "own.json").write_bytes((folder / "in" / "a.wav").read_bytes())

    def never(*arguments, **named):
        raise AssertionError("worked before it checked")

    monkeypatch.setattr("duplex.batch.transcribe.transcribe", never)
    assert main(["transcribe", *argv]) == 1
    err = capsys.readouterr().err
    assert message in err and err.count("\n") == 1


def test_names_that_leave_no_room_for_a_suffix(folder: Path) -> None:
    name = "日" * 83  # 249 bytes; with .json it fits no file system
    (folder / "in" / "a.wav").rename(folder / "in" / f"{name}.wav")
    assert main(["diarize", str(folder / "in" / f"{name}.wav"), "-o", str(folder / "out"), "--quiet"]) == 0
    assert len(list((folder / "out").iterdir())) == 3
    assert len(fitting_name("x" * 300, ".srt").encode()) == 255
    assert fitting_name("x" * 300, ".srt") != fitting_name("x" * 299 + "y", ".srt")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch) -> None:
    target = tmp_path / ("y" * 255)
    write_whole(target, "first")

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_whole(target, "second")
    assert target.read_text() == "first" and len(list(tmp_path.iterdir())) == 1


def dies_at_b(path: str) -> str:
    import os

    if path.endswith("b"):
        os._exit(9)
    return path


def test_a_worker_that_dies_costs_its_recording() -> None:
    results = dict(work([Source(Path(name), name) for name in "abc"], dies_at_b, {}, 2))
    found = {source.name: result for source, result in results.items()}
    assert found["a"] == "a" and found["c"] == "c"
    assert isinstance(found["b"], InputError) and "its worker process died" in str(found["b"])


def test_lines_of_the_live_list_are_in_the_order_of_time() -> None:
    from rich.console import Console

    from duplex import events as ev
    from duplex.commands.live_view import LiveView

    out = io.StringIO()
    view = LiveView(Console(file=out, width=200))
    view.on_event(ev.SpeechStarted(1000, 2000, "user"))
    view.on_event(ev.CapabilityLost(20_000, 20_000, "restoration", "late"))
    assert out.getvalue() == ""
    view.on_event(ev.Turn(1000, 40_000, "user", "hello", 1))
    view.on_event(ev.SpeechStarted(50_000, 50_100, "user"))
    view.on_event(ev.CapabilityLost(60_000, 60_000, "diarization", "late"))
    view.finish()
    assert [line.split()[0] for line in out.getvalue().splitlines()] == ["00:00.06", "00:01.25", "00:03.75"]
    assert np.all(np.diff([line.count("hello") for line in out.getvalue().splitlines()]) <= 0)


def test_captions_stand_beside_what_is_said() -> None:
    from rich.console import Console

    from duplex import events as ev
    from duplex.commands.live_view import LiveView

    def caption(text: str, *, final: bool = True, hopeless: bool = False) -> ev.Translation:
        return ev.Translation(1, 2, "user", 0, "de", text, "what", "en", 1, 0, 0, final, 0.5, hopeless, (0, 0))

    out = io.StringIO()
    view = LiveView(Console(file=out, width=200))
    for event in (caption("Wa", final=False), caption("Was"), caption("Wie", hopeless=True), caption("")):
        view.on_event(event)
    view.finish()
    assert [line.split()[1:] for line in out.getvalue().splitlines()] == [["de", "Was"], ["de", "[what]"]]
