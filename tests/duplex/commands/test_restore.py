"""`duplex restore`: one line per failure, the status, the output."""

from __future__ import annotations

import json

import pytest

from duplex.commands.restore import main
from duplex.models.restoration.contract import TASKS
from tests.duplex.batch.restore.recordings import read, speechlike, write


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "in" / "a.wav", speechlike(0.6, 16_000), 16_000)
    write(tmp_path / "in" / "sub" / "b.flac", speechlike(0.4, 44_100, 2), 44_100)
    return tmp_path


def test_a_folder(folder, capsys):
    assert main(["restore", str(folder / "in"), "-o", str(folder / "out"), "--jobs", "1", "--task", "enhance"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("2 restored · 1.0 s of sound in ") and "× real time" in out and "noise floor" in out
    assert err == ""
    assert read(folder / "out" / "sub" / "b.flac")[0].shape == (17_640, 2)
    assert json.loads((folder / "out" / "restore-report.json").read_text())["settings"]["task"] == "enhance"
    assert main(["restore", str(folder / "in"), "-o", str(folder / "out"), "--jobs", "1", "--task", "enhance"]) == 0
    assert capsys.readouterr().out.startswith("0 restored, 2 skipped")


def test_failures_are_lines_and_a_status(folder, capsys):
    (folder / "in" / "empty.wav").touch()
    (folder / "in" / "text [b]bold.wav").write_text("words, words\n" * 100)
    assert (
        main(
            [
                "restore",
                str(folder / "in"),
                "-o",
                str(folder / "out"),
                "--jobs",
                "1",
                "--report",
                str(folder / "r.json"),
            ]
        )
        == 1
    )
    out, err = capsys.readouterr()
    assert "2 restored, 2 failed" in out
    assert len(err.splitlines()) == 2 and all(line.startswith("failed") for line in err.splitlines())
    assert "text [b]bold.wav: not an audio file" in err and "Traceback" not in err
    assert json.loads((folder / "r.json").read_text())["totals"]["failed"] == 2


def test_quiet(folder, capsys):
    (folder / "in" / "empty.wav").touch()
    assert main(["restore", str(folder / "in"), "-o", str(folder / "out"), "--jobs", "1", "--quiet"]) == 1
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["in", "-o", "in/out"], "inside"),
        (["in", "-o", "out", "--mix", "2"], "mix"),
        (["in", "-o", "out", "--steps", "3"], "steps"),
        (["in", "-o", "out", "--device", "tpu"], "tpu"),
        (["in", "-o", "out", "--reference", "nowhere"], "reference"),
    ],
)
def test_mistakes_are_one_line(folder, capsys, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    assert main(["restore", *arguments]) == 1
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("duplex: ") and words in err and len(err.splitlines()) == 1


@pytest.mark.parametrize("task", list(TASKS))
def test_every_task_runs(folder, task):
    arguments = ["restore", str(folder / "in" / "a.wav"), "-o", str(folder / f"{task}.wav"), "--task", task, "--quiet"]
    assert main(arguments) == 0
    assert read(folder / f"{task}.wav")[0].shape == (9_600, 1)
