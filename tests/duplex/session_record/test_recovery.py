"""After a crash: the record is completed from its log."""

from __future__ import annotations

import json
import os
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex import cli
from duplex.audio_files.wav_writer import WavWriter, repair_header
from duplex.session_record import exports
from duplex.session_record.exports import EXPORTS
from duplex.session_record.recorder import Recorder
from duplex.session_record.recovery import recover, recover_all
from duplex.streaming.audio import AudioChunk
from duplex.streaming.errors import InputError, OutputError
from tests.duplex.session_record.test_session_log import S, conversation


def cut_off(folder: Path, events: int = 9, torn: bytes = b'{"type": "sus') -> Path:
    """A record as a kill leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(event.as_dict()) + "\n" for event in conversation()[:events])
    (folder / "events.jsonl").write_bytes(lines.encode() + torn)
    for name in ("input.wav", "assistant.wav", "mix.wav"):
        with WavWriter(folder / name, S) as writer:
            writer.write(np.full(5 * S, 0.25, np.float32))
    return folder


def behind(path: Path, seconds: float) -> None:
    """The header as it was `seconds` before the kill."""
    frames = path.stat().st_size // 2 - 40 - round(seconds * S)
    with path.open("r+b") as file:
        file.seek(4)
        file.write(struct.pack("<I", 2 * frames + 72))
        file.seek(76)
        file.write(struct.pack("<I", 2 * frames))


def test_what_is_missing_is_made(tmp_path: Path) -> None:
    folder = cut_off(tmp_path / "call")
    behind(folder / "input.wav", 0.5)
    done = recover(folder)
    assert done.written == EXPORTS and done.repaired == (("input.wav", 0.5),) and done.cut_off
    assert len(soundfile.read(folder / "input.wav")[0]) == 5 * S
    assert json.loads((folder / "summary.json").read_text())["complete"] is False
    assert "user: what time" in (folder / "transcript.txt").read_text()
    assert "assistant: It" in (folder / "transcript.srt").read_text()
    assert "SPEAKER call 1 1.000 1.000" in (folder / "turns.rttm").read_text()
    assert (folder / "timeline.png").read_bytes()[:4] == b"\x89PNG"
    line = str(done)
    assert "\n" not in line and "call: 5.5 s, 1 turn, 1 reply; the log breaks off; repaired input.wav (+0.5 s)" in line


def test_again_there_is_nothing_to_do_unless_it_is_asked_for(tmp_path: Path) -> None:
    folder = cut_off(tmp_path)
    recover(folder)
    before = {name: (folder / name).stat().st_mtime_ns for name in EXPORTS}
    assert recover(folder).written == () and "nothing to do" in str(recover(folder))
    assert {name: (folder / name).stat().st_mtime_ns for name in EXPORTS} == before
    assert recover(folder, again=True).written == EXPORTS
    (folder / "turns.rttm").unlink()
    assert "turns.rttm" in recover(folder).written


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 27), st.floats(0, 1), st.sampled_from([b"", b"\0" * 512, b"\xff\xfe{", b'{"type": "turn", "te']))
def test_a_log_cut_anywhere_is_read_up_to_there(tmp_path_factory: pytest.TempPathFactory, events, share, torn) -> None:
    folder = cut_off(tmp_path_factory.mktemp("record"), events, torn)
    if not torn:  # in the middle of the last line
        whole = (folder / "events.jsonl").read_bytes()
        lines = whole.splitlines(keepends=True)
        last = len(lines[-1]) if lines else 0
        (folder / "events.jsonl").write_bytes(whole[: len(whole) - round(last * share)])
    done = recover(folder, timeline=False)
    texts = {"what time"} if events > 7 else set()
    assert texts <= {turn["text"] for turn in json.loads((folder / "summary.json").read_text())["turns"]}
    assert done.written == tuple(name for name in EXPORTS if name != "timeline.png")


def test_a_session_that_was_killed_is_recovered(tmp_path: Path) -> None:
    program = """
        import sys, time
        from tests.duplex.session_record.test_recorder import Recorder, chunk, conversation, frame
        recorder = Recorder(sys.argv[1])
        for event in conversation()[:9]:
            recorder.on_event(event)
        for start in range(0, 8 * 16000, 320):
            recorder.on_input(frame(start, 0.25))
            recorder.on_output(chunk(start, 0.125))
        recorder.drain()
        print("ready", flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[3])
    process.stdout.readline()
    with pytest.raises(InputError, match="is being recorded at this moment"):
        recover(tmp_path)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    done = recover(tmp_path)
    assert done.written == EXPORTS and done.duration == 5.5
    assert len(soundfile.read(tmp_path / "mix.wav")[0]) == 8 * S


def test_while_it_is_recorded_nothing_is_touched(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    recorder = Recorder(tmp_path / "a")
    with pytest.raises(InputError, match="is being recorded"):
        recover(tmp_path / "a")
    assert recover_all(tmp_path) == []
    recorder.close(timeline=False)
    assert recover(tmp_path / "a", timeline=False).written == ()


def test_sound_that_is_not_ours_is_left_alone_and_said(tmp_path: Path) -> None:
    folder = cut_off(tmp_path)
    (folder / "mix.wav").write_bytes(b"no sound")
    (folder / "assistant.wav").write_bytes(b"")
    (folder / "input.wav").unlink()
    done = recover(folder, timeline=False)
    assert [note.split(" ")[0] for note in done.notes] == ["assistant.wav", "mix.wav"]
    assert (folder / "mix.wav").read_bytes() == b"no sound"
    assert "transcript.txt" in done.written


def test_a_picture_that_cannot_be_drawn_costs_the_picture_only(tmp_path: Path) -> None:
    folder = cut_off(tmp_path)
    (folder / "input.wav").write_bytes(b"no sound")
    done = recover(folder)
    assert done.written == tuple(name for name in EXPORTS if name != "timeline.png")
    assert "the picture cannot be drawn" in str(done)


def test_what_is_no_record_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"is not a session's record: it has no events\.jsonl"):
        recover(tmp_path)
    with pytest.raises(InputError, match="there is no such folder"):
        recover(tmp_path / "none")
    (tmp_path / "events.jsonl").write_text("no json\n{}\n")
    with pytest.raises(InputError, match="line 1 is not an event"):
        recover(tmp_path)


def test_a_server_recovers_all_that_is_unfinished(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    cut_off(tmp_path / "a")
    cut_off(tmp_path / "b")
    cut_off(tmp_path / "broken")
    (tmp_path / "broken" / "events.jsonl").write_text("no json\n{}\n")
    (tmp_path / "empty").mkdir()
    (tmp_path / "linked").symlink_to(tmp_path / "a")
    recover(tmp_path / "b", timeline=False)
    assert [done.folder.name for done in recover_all(tmp_path)] == ["a"]
    assert "not recovered" in caplog.text and "broken" in caplog.text
    assert recover_all(tmp_path / "none") == []


def test_the_command_says_what_it_did_and_goes_on_after_a_failure(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cut_off(tmp_path / "calls" / "a")
    cut_off(tmp_path / "calls" / "b")
    cut_off(tmp_path / "c")
    (tmp_path / "empty").mkdir()
    status = cli.main(
        ["recover", str(tmp_path / "empty"), str(tmp_path / "calls"), str(tmp_path / "c"), "--no-picture"]
    )
    out, err = capsys.readouterr()
    assert status == 1 and len(err.splitlines()) == 1 and "is not a session's record" in err
    assert [Path(line.split(":")[0]).name for line in out.splitlines()] == ["a", "b", "c"]
    assert all("wrote transcript.srt" in line for line in out.splitlines())
    assert cli.main(["recover", str(tmp_path / "c"), "--quiet", "--no-picture"]) == 0
    assert capsys.readouterr() == ("", "")


def test_an_export_that_was_written_half_way_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = cut_off(tmp_path)

    def fail(log: object) -> dict:
        raise OutputError("no space")

    with monkeypatch.context() as patch:
        patch.setattr(exports, "summarize_log", fail)
        with pytest.raises(OutputError):
            recover(folder, timeline=False)
    assert not (folder / "summary.json").exists()
    assert "summary.json" in recover(folder, timeline=False).written


@pytest.mark.parametrize("channels", [1, 2])
def test_the_header_of_a_file_beyond_4_gib(tmp_path: Path, channels: int) -> None:
    path = tmp_path / "long.wav"
    with WavWriter(path, S, channels) as writer:
        writer.write(np.zeros((S, channels), np.float32))
    size = 80 + 2 * channels * 2_200_000_000 // channels
    os.truncate(path, size)  # sparse
    assert repair_header(path) == pytest.approx(2_200_000_000 / channels / S - 1)
    with path.open("rb") as file:
        header = file.read(80)
    assert header[:4] == b"RF64" and struct.unpack_from("<QQQ", header, 20)[1:] == (
        size - 80,
        (size - 80) // 2 // channels,
    )
    assert repair_header(path) == 0.0


def test_a_recorders_own_files_need_no_repair(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a", ("left", "right"))
    recorder.on_input(AudioChunk(0, np.zeros((3 * S, 2), np.float32)))
    recorder.drain()
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    done = recover(tmp_path / "b", timeline=False)
    assert done.repaired == () and done.notes == ()
    recorder.close(timeline=False)
