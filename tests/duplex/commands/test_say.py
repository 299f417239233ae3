from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import soundfile

from duplex.cli import main
from tests.duplex.commands.test_cli import fails
from tests.models.tts.voices import TINY


def test_a_text_is_written_with_its_marks(tmp_path, capsys):
    out, marks = tmp_path / "x.wav", tmp_path / "marks.json"
    assert main(["say", "Hello", "there.", "-o", str(out), "--marks", str(marks)]) == 0
    assert soundfile.info(out).duration > 0.4
    words = json.loads(marks.read_text())["words"]
    assert [word["text"] for word in words] == ["Hello", "there."]
    assert capsys.readouterr().out.endswith(" s, 2 words\n")


def test_a_file_is_read_and_a_voice_chosen(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeffOne line.\nAnd another.\n", "utf-8")
    out = tmp_path / "x.wav"
    assert main(["say", str(tmp_path / "a.txt"), "-o", str(out), "--voice", f"{TINY}#cat", "--rate", "2"]) == 0
    assert soundfile.info(out).samplerate == 16_000


def test_standard_input_is_spoken_line_by_line(tmp_path):
    command = [sys.executable, "-m", "duplex.cli", "say", "-", "-o", str(tmp_path / "x.wav"), "--quiet"]
    done = subprocess.run(command, input=b"One.\n\nTwo \xff three.\n", capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert soundfile.info(tmp_path / "x.wav").duration > 0.8


def test_no_standard_input_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", None)
    assert "the text is empty" in fails(capsys, "say", "-", "-o", str(tmp_path / "x.wav"))


def test_what_is_wrong_is_one_line(tmp_path, capsys):
    out = ["-o", str(tmp_path / "x.wav")]
    assert "nothing to say" in fails(capsys, "say", "", *out)
    assert "no such file" in fails(capsys, "say", str(tmp_path / "none.txt"), *out)
    (tmp_path / "bad.txt").write_bytes(b"\xff\xfe\x00x")
    assert "is not text in UTF-8" in fails(capsys, "say", str(tmp_path / "bad.txt"), *out)
    (tmp_path / "empty.txt").touch()
    assert "the file is empty" in fails(capsys, "say", str(tmp_path / "empty.txt"), *out)
    assert ".xyz is no sound file" in fails(capsys, "say", "hi", "-o", str(tmp_path / "x.xyz"))
    assert "no suffix" in fails(capsys, "say", "hi", "-o", str(tmp_path / "x"))
    assert "there is no such voice" in fails(capsys, "say", "hi", *out, "--voice", str(tmp_path / "none.onnx"))
    assert "no voice 'nobody'" in fails(capsys, "say", "hi", *out, "--voice", "nobody")
    assert "speaks en, not de" in fails(capsys, "say", "hi", *out, "--voice", str(TINY), "--language", "de")
    assert "synthesizer must be one of" in fails(capsys, "say", "hi", *out, "--synthesizer", "bells")
    assert "speech_rate must lie between" in fails(capsys, "say", "hi", *out, "--rate", "99")
    (tmp_path / "broken.onnx").write_bytes(b"<html>")
    (tmp_path / "broken.onnx.json").write_bytes(Path(f"{TINY}.json").read_bytes())
    assert "cannot be read as ONNX" in fails(capsys, "say", "hi", *out, "--voice", str(tmp_path / "broken.onnx"))
    (tmp_path / "in_the_way").touch()
    assert "cannot be written" in fails(capsys, "say", "hi", "-o", str(tmp_path / "in_the_way" / "x.wav"))
    assert not (tmp_path / "x.wav").exists()


def test_without_a_loudspeaker_a_line_says_what_is_missing(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert "pip install 'duplex[mic]'" in fails(capsys, "say", "hi")
