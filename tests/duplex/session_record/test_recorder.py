from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex.conversation.input_framer import MultichannelFrame
from duplex.session_record.recorder import LONGEST_WAIT, Recorder, write_exports
from duplex.session_record.session_log import read_log
from duplex.streaming.audio import FRAME, AudioChunk
from duplex.streaming.errors import InputError, OutputError
from duplex.streaming.limiter import soft_limit
from tests.duplex.session_record.test_session_log import S, conversation

ALL = {
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


def read(path: Path) -> np.ndarray:
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    assert rate == S
    return samples


def frame(start: int, *levels: float) -> MultichannelFrame:
    return MultichannelFrame(start, np.tile(np.array(levels, np.float32), (FRAME, 1)))


def chunk(start: int, level: float, length: int = FRAME) -> AudioChunk:
    return AudioChunk(start, np.full(length, level, np.float32))


@dataclass
class Odd:
    """An event with what JSON has no notion of."""

    def as_dict(self) -> dict:
        return {"type": "odd", "count": np.int64(3), "level": np.float32(0.5), "path": Path("x"), "tags": np.arange(2)}


def test_a_session_leaves_everything_the_user_was_promised(tmp_path):
    recorder = Recorder(tmp_path / "new" / "folder")
    for start in range(0, 13 * S, FRAME):
        recorder.on_input(frame(start, 0.25))
        recorder.on_output(chunk(start, 0.125 if start > 3 * S else 0.0))
    for event in conversation():
        recorder.on_event(event)
    paths = recorder.close()
    folder = tmp_path / "new" / "folder"
    assert {path.name for path in paths} == ALL == {path.name for path in folder.iterdir()}
    assert [path.stat().st_size > 0 for path in paths] == [True] * len(paths)
    assert len(read(folder / "mix.wav")) == len(read(folder / "input.wav")) == len(read(folder / "assistant.wav"))
    assert "assistant: It is" in (folder / "transcript.txt").read_text()
    assert "o'clock" not in (folder / "transcript.srt").read_text()  # nobody heard that
    assert "<v assistant>It is</v>" in (folder / "transcript.vtt").read_text()
    assert "SPEAKER folder 1 1.000 1.000 <NA> <NA> user" in (folder / "turns.rttm").read_text()
    assert json.loads((folder / "summary.json").read_text())["counts"]["turns"] == 2
    assert (folder / "timeline.png").read_bytes()[:4] == b"\x89PNG"
    assert recorder.close() == paths  # again does nothing


def test_without_the_picture(tmp_path):
    recorder = Recorder(tmp_path)
    assert {path.name for path in recorder.close(timeline=False)} == ALL - {"timeline.png"}


def test_the_mix_is_the_sum_of_all_and_never_clips(tmp_path):
    recorder = Recorder(tmp_path, ("left", "right"))
    recorder.on_input(frame(0, 0.2, 0.1))
    recorder.on_output(chunk(0, 0.25))
    recorder.on_input(frame(FRAME, 0.9, 0.9))
    recorder.on_output(chunk(FRAME, 0.9))
    recorder.close(timeline=False)
    mix = read(tmp_path / "mix.wav")[:, 0]
    assert mix[:FRAME] == pytest.approx(0.55, abs=1e-4)
    assert np.all((mix[FRAME:] > 0.95) & (mix[FRAME:] <= 1.0))
    both = read(tmp_path / "input.wav")
    assert both.shape == (2 * FRAME, 2)
    assert both[0] == pytest.approx([0.2, 0.1], abs=1e-4)


def test_the_mix_is_written_as_soon_as_both_sides_are_known(tmp_path):
    recorder = Recorder(tmp_path)
    for start in range(0, 3 * S, FRAME):
        recorder.on_input(frame(start, 0.5))
    assert len(read(tmp_path / "mix.wav")) == 0
    recorder.on_output(chunk(0, 0.25, length=2 * S))
    assert read(tmp_path / "mix.wav") == pytest.approx(0.75, abs=1e-4)
    assert len(read(tmp_path / "mix.wav")) == 2 * S
    recorder.close(timeline=False)
    mix = read(tmp_path / "mix.wav")
    assert len(mix) == 3 * S
    assert mix[2 * S :] == pytest.approx(0.5, abs=1e-4)


def test_a_side_that_has_gone_silent_does_not_hold_the_mix_up(tmp_path):
    recorder = Recorder(tmp_path)
    for start in range(0, LONGEST_WAIT + 5 * S, FRAME):
        recorder.on_input(frame(start, 0.5))
    assert len(read(tmp_path / "mix.wav")) >= 4 * S
    recorder.on_output(chunk(0, 0.25))  # too late to be mixed in, not too late to be recorded
    recorder.close(timeline=False)
    assert read(tmp_path / "mix.wav") == pytest.approx(0.5, abs=1e-4)
    assert read(tmp_path / "assistant.wav")[:FRAME] == pytest.approx(0.25, abs=1e-4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.integers(0, 400), st.integers(1, 300)), max_size=25))
def test_whatever_comes_in_whatever_order_of_sides_the_mix_is_the_limited_sum(tmp_path_factory, pieces):
    """Each side moves on by itself, with gaps; the sum is as if all had been known at once."""
    folder = tmp_path_factory.mktemp("mix")
    recorder = Recorder(folder)
    sides = {True: np.zeros(20_000, np.float32), False: np.zeros(20_000, np.float32)}
    ends = {True: 0, False: 0}
    for number, (side, gap, length) in enumerate(pieces):
        start = ends[side] + gap
        samples = np.full(length, 0.1 + number / 40, np.float32)
        sides[side][start : start + length] = samples
        ends[side] = max(ends[side], start + length)
        (recorder.on_input if side else recorder.on_output)(AudioChunk(start, samples))
    recorder.close(timeline=False)
    mix = read(folder / "mix.wav")[:, 0]
    expected = soft_limit(sides[True] + sides[False])[: len(mix)]
    assert len(mix) == max(ends.values())
    assert np.abs(mix - expected).max(initial=0.0) < 1e-4


def test_each_event_is_on_disk_at_once(tmp_path):
    recorder = Recorder(tmp_path)
    for number, event in enumerate(conversation(), 1):
        recorder.on_event(event)
        assert len((tmp_path / "events.jsonl").read_text().splitlines()) == number
    recorder.on_event(Odd())
    last = json.loads((tmp_path / "events.jsonl").read_text().splitlines()[-1])
    assert last == {"type": "odd", "count": 3, "level": 0.5, "path": "x", "tags": [0, 1]}
    recorder.close(timeline=False)


def test_after_a_kill_everything_so_far_is_readable_and_can_be_exported(tmp_path):
    program = """
        import sys
        from tests.duplex.session_record.test_recorder import Recorder, chunk, conversation, frame
        recorder = Recorder(sys.argv[1])
        for event in conversation()[:9]:
            recorder.on_event(event)
        for start in range(0, 1000 * 16000, 320):
            recorder.on_input(frame(start, 0.25))
            recorder.on_output(chunk(start, 0.125))
            print(start, flush=True)
    """
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[3],
    )
    position = 0
    while position < 6 * S:
        position = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    for name, level in (("input.wav", 0.25), ("assistant.wav", 0.125), ("mix.wav", 0.375)):
        samples = read(tmp_path / name)
        assert len(samples) > position - 2 * S
        assert samples == pytest.approx(level, abs=1e-4)
    assert not read_log(tmp_path / "events.jsonl").ended
    assert not (tmp_path / "summary.json").exists()
    write_exports(tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())["complete"] is False
    assert "assistant: It" in (tmp_path / "transcript.txt").read_text()
    assert (tmp_path / "timeline.png").exists()


def test_exports_of_an_earlier_session_do_not_stay_beside_a_new_one(tmp_path):
    (tmp_path / "summary.json").write_text("old")
    (tmp_path / "notes.txt").write_text("mine")
    Recorder(tmp_path)
    assert not (tmp_path / "summary.json").exists()
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_what_is_in_the_way_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="is a file; name a folder"):
        Recorder(tmp_path / "file")
    with pytest.raises(OutputError, match="the folder cannot be made"):
        Recorder(tmp_path / "file" / "below")
    (tmp_path / "folder" / "mix.wav").mkdir(parents=True)
    with pytest.raises(OutputError, match=r"mix\.wav: is in the way"):
        Recorder(tmp_path / "folder")
    with pytest.raises(InputError, match="cannot be read"):
        write_exports(tmp_path)


def test_a_folder_without_permission_is_refused(tmp_path):
    (tmp_path / "locked").mkdir(mode=0o555)
    root = os.geteuid() == 0
    if root:
        tmp_path.chmod(0o755)
        os.seteuid(65_534)
    try:
        with pytest.raises(OutputError, match=r"locked: no permission|cannot be made"):
            Recorder(tmp_path / "locked")
    finally:
        if root:
            os.seteuid(0)


def test_a_full_disk_is_one_line_and_what_was_recorded_stays_readable(tmp_path):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    recorder = Recorder(tmp_path)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, before[1]))
    try:
        with pytest.raises(OutputError, match=r"input\.wav: .*the first 3\.1 s are saved") as caught:
            for start in range(0, 20 * S, FRAME):
                recorder.on_input(frame(start, 0.25))
                recorder.on_output(chunk(start, 0.125))
        assert "\n" not in str(caught.value)
        with pytest.raises(OutputError, match=r"events\.jsonl: .*the events so far are saved"):
            for _ in range(1000):
                for event in conversation():
                    recorder.on_event(event)
        recorder.on_event(Odd())  # dropped: the log ends where it was
        with pytest.raises(OutputError):
            recorder.close(timeline=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert len(read(tmp_path / "input.wav")) == (100_001 - 80) // 2
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert all(json.loads(line)["type"] for line in lines)


def test_an_export_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path)
    for event in conversation():
        recorder.on_event(event)

    def full(path, content):
        with open(path, "wb") as file:
            file.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputError, match=r"transcript\.srt: cannot be written \(No space left on device\)"):
        recorder.close(timeline=False)
    assert {path.name for path in tmp_path.iterdir()} == {"events.jsonl", "input.wav", "assistant.wav", "mix.wav"}
