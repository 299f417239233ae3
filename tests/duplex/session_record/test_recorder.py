from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from duplex import events as ev
from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.interpreting.live import InterpretedSound
from duplex.conversation.session import Session
from duplex.session_record import recorder as recorder_module
from duplex.session_record import write_behind
from duplex.session_record.recorder import LONGEST_WAIT, Recorder, write_exports
from duplex.session_record.session_log import read_log
from duplex.streaming.audio import FRAME, AudioChunk
from duplex.streaming.errors import InputError, OutputError
from duplex.streaming.limiter import soft_limit
from duplex.streaming.pool import InferencePool
from duplex.testing import Answer, Playout, UserSpeech, VirtualClock, feed, scripted_engines
from tests.duplex.session_record.test_session_log import S, caption, conversation

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


def test_what_the_interpreter_says_has_its_own_tracks_and_is_in_the_mix(tmp_path):
    """It comes now and then: nothing waits for it, and it stands at its place."""
    (tmp_path / "interpreter.fr.wav").write_bytes(b"of an earlier session")
    recorder = Recorder(tmp_path)
    for start in range(0, 2 * S, FRAME):
        voices = {"de": np.full(FRAME, 0.25, np.float32)} if S <= start < 1.5 * S else {}
        voices |= {"en": np.full(FRAME, 0.125, np.float32)} if start < FRAME else {}
        recorder.on_interpreted(InterpretedSound(start, voices))
        recorder.on_input(frame(start, 0.125))
        recorder.on_output(chunk(start, 0.0))
        if start == S:
            assert recorder.drain()
            assert len(read(tmp_path / "mix.wav")) > 0.4 * S, "the mix is not held up"
    recorder.on_event(ev.Interpreted(S, 3 * S // 2, "0", 0, "de", "Ja.", 0.5, 1.0))
    recorder.on_event(ev.Interpreted(2 * S, 2 * S, "0", 1, "de", "Nein.", 12.0, 0.0, True, "late"))
    names = {path.name for path in recorder.close(timeline=False)}
    assert {"interpreter.de.wav", "interpreter.en.wav"} <= names and "interpreter.fr.wav" not in names
    said, mix = read(tmp_path / "interpreter.de.wav")[:, 0], read(tmp_path / "mix.wav")[:, 0]
    assert len(said) == len(mix) == 2 * S
    assert np.allclose(said[S : 3 * S // 2], 0.25, atol=1e-4) and not said[:S].any() and not said[3 * S // 2 :].any()
    assert np.allclose(mix[S + 1 : 3 * S // 2], 0.375, atol=1e-3) and np.allclose(mix[-FRAME:], 0.125, atol=1e-3)
    assert (tmp_path / "transcript.txt").read_text() == "[00:00:01] interpreter (de): Ja.\n"
    assert "interpreter" in (tmp_path / "turns.rttm").read_text()
    told = json.loads((tmp_path / "summary.json").read_text())["interpreting"]
    behind = {"count": 1, "p50": 500.0, "p95": 500.0, "max": 500.0}
    assert told == {"de": {"spoken": 1, "left_out": {"late": 1}, "behind_ms": behind}}


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
    assert recorder.drain()
    assert len(read(tmp_path / "mix.wav")) == 0
    recorder.on_output(chunk(0, 0.25, length=2 * S))
    assert recorder.drain()
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
    assert recorder.drain()
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
        assert recorder.drain()
        assert len((tmp_path / "events.jsonl").read_text().splitlines()) == number
    recorder.on_event(Odd())
    assert recorder.drain()
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


@pytest.fixture
def small_disk():
    """Files end at 100,001 bytes, as on a full disk."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def fill() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_001, before[1]))

    yield fill
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_one_line_and_what_was_recorded_stays_readable(tmp_path, small_disk):
    recorder = Recorder(tmp_path)
    small_disk()
    with pytest.raises(OutputError, match=r"input\.wav: .*the first 3\.1 s are saved") as caught:
        for start in range(0, 20 * S, FRAME):
            recorder.on_input(frame(start, 0.25))
            recorder.on_output(chunk(start, 0.125))
            recorder.drain()
    assert "\n" not in str(caught.value)
    recorder.on_event(Odd())  # told once: what comes now is dropped
    recorder.on_input(frame(0, 0.25))
    recorder.close(timeline=False)
    assert len(read(tmp_path / "input.wav")) == (100_001 - 80) // 2
    (lost,) = read_log(tmp_path / "events.jsonl").lost  # the log itself says what is missing
    assert lost["capability"] == "recording" and lost["at"] == pytest.approx(3.1, abs=1.1)


def test_a_log_that_cannot_be_written_ends_with_a_whole_line(tmp_path, small_disk):
    recorder = Recorder(tmp_path)
    small_disk()
    with pytest.raises(OutputError, match=r"events\.jsonl: .*the events so far are saved"):
        for _ in range(1000):
            for event in conversation():
                recorder.on_event(event)
            recorder.drain()
    lines = (tmp_path / "events.jsonl").read_text().splitlines()
    assert len(lines) > 100 and all(json.loads(line)["type"] for line in lines)


def test_an_error_that_nobody_was_told_of_is_raised_at_the_end(tmp_path, small_disk):
    recorder = Recorder(tmp_path)
    small_disk()
    recorder.on_input(AudioChunk(0, np.full(20 * S, 0.25, np.float32)))
    with pytest.raises(OutputError, match=r"input\.wav"):
        recorder.close(timeline=False)
    assert (tmp_path / "summary.json").exists()


def test_a_full_disk_costs_a_session_its_recording_and_nothing_else(tmp_path, small_disk):
    sounds = [UserSpeech(0.5, 1.5, "what time is it"), UserSpeech(12.0, 13.0, "and where am i")]
    engines, playout, clock = scripted_engines(sounds, [Answer("nine"), Answer("here")]), Playout(), VirtualClock()
    recorder = Recorder(tmp_path)

    async def main() -> None:
        pool = InferencePool(inline=True)
        async with Session(engines=engines, clock=clock, pool=pool, sinks=[recorder, playout]) as session:
            small_disk()
            await feed(session, engines.recognizer.script.audio(), clock)
            await session.finish()

    clock.run(main())
    (lost,) = [event for event in playout.events if isinstance(event, ev.CapabilityLost)]
    assert lost.capability == "recording" and "the first 3.1 s are saved" in lost.reason
    assert [event.text for event in playout.events if isinstance(event, ev.Reply)] == ["nine", "here"]


class Disk:
    """A disk that stands still while `still`."""

    def __init__(self, monkeypatch) -> None:
        self.going, self.waited_for = threading.Event(), threading.Event()
        self.going.set()
        self._write = os.write
        monkeypatch.setattr(os, "write", self.write)

    def write(self, *args) -> int:
        if not self.going.is_set():
            self.waited_for.set()
            self.going.wait()
        return self._write(*args)


def test_a_disk_that_stands_still_holds_nobody_up(tmp_path, monkeypatch, caplog):
    """Live sound (no faster than real time): what is too much for the queue is silence in the file and in the log."""
    disk, now = Disk(monkeypatch), [0.0]
    recorder = Recorder(tmp_path, backlog=3.0)
    monkeypatch.setattr(write_behind.time, "monotonic", lambda: now[0])
    disk.going.clear()
    for start in range(0, 10 * S, FRAME):
        now[0] = start / S
        if start == 2 * S:
            assert disk.waited_for.wait(60)
        recorder.on_input(frame(start, 0.25))
        recorder.on_output(chunk(start, 0.125))
    for event in conversation():
        recorder.on_event(event)
    disk.going.set()
    recorder.close(timeline=False)
    log = read_log(tmp_path / "events.jsonl")
    assert len(log.turns) == 3  # events are never dropped for sound
    (gap,) = [gap for gap in log.recording_gaps if gap["track"] == "input.wav"]
    samples = read(tmp_path / "input.wav")[:, 0]
    assert len(samples) == 10 * S
    silent = np.flatnonzero(samples == 0)
    assert (gap["start"] * S, gap["end"] * S) == (silent[0], silent[-1] + 1)
    assert gap["end"] == pytest.approx(7.0, abs=0.1)
    frames = sum(round((gap["end"] - gap["start"]) * S / FRAME) for gap in log.recording_gaps)
    assert recorder.dropped == frames
    assert json.loads((tmp_path / "summary.json").read_text())["recording_gaps"] == log.recording_gaps
    assert "the disk is too slow" in caplog.text


def test_faster_than_real_time_nothing_is_dropped(tmp_path, monkeypatch):
    disk = Disk(monkeypatch)
    recorder = Recorder(tmp_path, backlog=0.5)
    disk.going.clear()
    threading.Timer(0.2, disk.going.set).start()
    for start in range(0, 60 * S, FRAME):
        recorder.on_input(frame(start, 0.25))
        recorder.on_output(chunk(start, 0.125))
    recorder.close(timeline=False)
    assert recorder.dropped == 0
    assert read(tmp_path / "mix.wav") == pytest.approx(0.375, abs=1e-4)
    assert len(read(tmp_path / "mix.wav")) == 60 * S


def test_the_samples_may_be_overwritten_once_they_are_given(tmp_path):
    recorder, block = Recorder(tmp_path), np.full(FRAME, 0.25, np.float32)
    for start in range(0, S, FRAME):
        block[:] = 0.25
        recorder.on_input(AudioChunk(start, block))
        block[:] = 0.9
    recorder.close(timeline=False)
    assert read(tmp_path / "input.wav") == pytest.approx(0.25, abs=1e-4)


def test_closing_leaves_the_event_loop_alone(tmp_path, monkeypatch):
    going = threading.Event()
    monkeypatch.setattr(recorder_module, "write_exports", lambda folder, timeline: going.wait())
    recorder = Recorder(tmp_path)

    async def main() -> list[Path]:
        closing = asyncio.create_task(recorder.aclose())
        for _ in range(20):
            await asyncio.sleep(0.01)
        assert not closing.done()
        going.set()
        return await closing

    assert tmp_path / "events.jsonl" in asyncio.run(main())


def test_closing_has_a_limit(tmp_path, monkeypatch):
    going = threading.Event()
    monkeypatch.setattr(recorder_module, "write_exports", lambda folder, timeline: going.wait())
    with pytest.raises(OutputError, match=r"not finished within 0\.05 s; `duplex recover .*` completes it"):
        asyncio.run(Recorder(tmp_path).aclose(limit=0.05))
    going.set()


def test_closing_raises_what_went_wrong_also_on_a_virtual_clock(tmp_path, monkeypatch):
    def fail(folder, timeline):
        raise OutputError("no space")

    monkeypatch.setattr(recorder_module, "write_exports", fail)
    with pytest.raises(OutputError, match="no space"):
        VirtualClock().run(Recorder(tmp_path).aclose())


def test_a_recording_that_is_to_be_deleted_ends_without_exports(tmp_path):
    recorder = Recorder(tmp_path)
    recorder.on_input(frame(0, 0.25))
    recorder.discard()
    recorder.on_input(frame(FRAME, 0.25))
    assert not (tmp_path / "summary.json").exists()
    assert {path.name for path in recorder.close()} == {"events.jsonl", "input.wav", "assistant.wav", "mix.wav"}


def test_a_program_that_ends_without_closing_loses_nothing(tmp_path):
    program = """
        import sys
        from tests.duplex.session_record.test_recorder import Recorder, conversation, frame
        recorder = Recorder(sys.argv[1])
        for start in range(0, 16000, 320):
            recorder.on_input(frame(start, 0.25))
        for event in conversation():
            recorder.on_event(event)
        raise ValueError("a bug")
    """
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path)]
    done = subprocess.run(command, cwd=Path(__file__).parents[3], capture_output=True)
    assert b"a bug" in done.stderr
    assert len(read(tmp_path / "input.wav")) == S
    assert read_log(tmp_path / "events.jsonl").ended


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


def test_transcripts_in_another_language_are_written_and_do_not_outlive_their_session(tmp_path):
    (tmp_path / "transcript.notes.txt").write_text("mine")
    recorder = Recorder(tmp_path)
    for event in [*conversation()[:1], caption(0, "Wörter")]:
        recorder.on_event(event)
    names = {path.name for path in recorder.close(timeline=False)}
    assert {"transcript.de.srt", "transcript.de.vtt", "transcript.de.txt", "transcript.de.both.srt"} <= names
    assert "Wörter\nwords 0" in (tmp_path / "transcript.de.both.srt").read_text("utf-8")
    assert "words" not in (tmp_path / "transcript.de.srt").read_text("utf-8")
    Recorder(tmp_path).close(exports=False)
    assert not list(tmp_path.glob("transcript.de*")) and (tmp_path / "transcript.notes.txt").read_text() == "mine"


def test_a_session_can_ask_for_subtitles_that_follow_the_words(tmp_path):
    told = {"party": "user", "confidence": 1.0, "speaker": ""}
    events = [
        {"type": "session_started", "start": 0, "end": 0, "parties": ["user"]},
        {"type": "word", "start": 16000, "end": 24000, "text": "good", **told},
        {"type": "word", "start": 24000, "end": 32000, "text": "day", **told},
        {"type": "turn", "start": 16000, "end": 32000, "party": "user", "text": "good day", "turn": 1, "kind": "turn"},
    ]
    events[0]["settings"] = {"subtitle_words": "karaoke"}
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    write_exports(tmp_path, timeline=False)
    assert "good <00:00:01.500>day" in (tmp_path / "transcript.vtt").read_text()
    assert "user: good <u>day</u>" in (tmp_path / "transcript.srt").read_text()


@pytest.mark.parametrize("installed", [True, False])
def test_a_session_can_ask_for_written_numbers(tmp_path, monkeypatch, caplog, installed):
    if installed:
        pytest.importorskip("text_to_num")
    else:
        monkeypatch.setitem(sys.modules, "text_to_num", None)
    told = {"party": "user", "confidence": 1.0, "speaker": ""}
    said = {"party": "user", "turn": 1, "kind": "turn", "start": 16000, "end": 48000, "text": "twenty three people"}
    events = [
        {"type": "session_started", "start": 0, "end": 0, "parties": ["user"]},
        {"type": "word", "start": 16000, "end": 24000, "text": "twenty", **told},
        {"type": "word", "start": 24000, "end": 32000, "text": "three", **told},
        {"type": "word", "start": 32000, "end": 48000, "text": "people", **told},
        {"type": "turn", **said},
        {"type": "turn", **said, "start": 64000, "end": 64000, "turn": 2, "typed": True},
    ]
    events[0]["settings"] = {"subtitle_words": "karaoke", "written_numbers": True, "language": "en"}
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    write_exports(tmp_path, timeline=False)
    marked, text = (tmp_path / "transcript.vtt").read_text(), (tmp_path / "transcript.txt").read_text()
    assert "[typed] twenty three people" in text
    if installed:
        assert "23 <00:00:02.000>people" in marked
    else:
        assert "twenty <00:00:01.500>three <00:00:02.000>people" in marked
        assert "duplex[numbers]" in caplog.text
