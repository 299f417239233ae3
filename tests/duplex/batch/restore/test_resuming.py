"""A run that is repeated, interrupted or killed: done is done, nothing is half-written, nothing of others is lost."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from duplex.batch.restore import restore
from duplex.batch.restore.report import JOURNAL, Journal
from duplex.streaming.errors import OutputError
from tests.duplex.batch.restore.recordings import speechlike, write
from tests.duplex.batch.restore.stages import GATE, half, identity


@pytest.fixture
def folder(tmp_path):
    for at, name in enumerate(("a.wav", "b.wav", "sub/c.wav")):
        write(tmp_path / "in" / name, speechlike(0.3, 16_000, seed=at), 16_000)
    return tmp_path


def run(folder, **settings):
    settings = {"jobs": 1, "stage_factory": identity} | settings
    return {each.relative: each.status for each in restore(folder / "in", folder / "out", **settings)}


ALL = ("a.wav", "b.wav", "sub/c.wav")


def test_a_second_run_skips_everything_and_keeps_the_figures(folder):
    first = restore(folder / "in", folder / "out", jobs=1, stage_factory=identity)
    times = {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.wav")}
    second = restore(folder / "in", folder / "out", jobs=1, stage_factory=identity)
    assert [each.status for each in second] == ["skipped"] * 3
    assert [each.before for each in second] == [each.before for each in first]
    assert times == {path: path.stat().st_mtime_ns for path in (folder / "out").rglob("*.wav")}


def test_what_has_changed_is_done_again(folder):
    run(folder)
    write(folder / "in" / "b.wav", speechlike(0.4, 16_000, seed=9), 16_000)
    (folder / "out" / "a.wav").unlink()
    assert run(folder) == {"a.wav": "restored", "b.wav": "restored", "sub/c.wav": "skipped"}


@pytest.mark.parametrize(
    "settings", [{"mix": 0.5}, {"task": "enhance"}, {"steps": 2}, {"seed": 1}, {"overwrite": True}]
)
def test_other_settings_do_it_all_again(folder, settings):
    run(folder)
    assert set(run(folder, **settings).values()) == {"restored"}
    assert set(run(folder, **settings | {"overwrite": False}).values()) == {"skipped"}


def test_sources_that_have_moved_are_still_done(folder):
    run(folder)
    (folder / "in").rename(folder / "moved")
    report = restore(folder / "moved", folder / "out", jobs=1, stage_factory=identity)
    assert [each.status for each in report] == ["skipped"] * 3


def test_a_file_of_somebody_elses_is_left_alone(folder):
    (folder / "out").mkdir()
    (folder / "out" / "a.wav").write_bytes(b"mine")
    report = restore(folder / "in", folder / "out", jobs=1, stage_factory=identity)
    assert [each.status for each in report] == ["failed", "restored", "restored"]
    assert "in the way" in report[0].error and (folder / "out" / "a.wav").read_bytes() == b"mine"
    assert run(folder, overwrite=True)["a.wav"] == "restored"


def test_a_result_that_was_edited_is_left_alone(folder):
    run(folder)
    (folder / "out" / "a.wav").write_bytes(b"edited by hand")
    assert run(folder) == {"a.wav": "failed", "b.wav": "skipped", "sub/c.wav": "skipped"}
    assert (folder / "out" / "a.wav").read_bytes() == b"edited by hand"


def test_another_source_of_the_same_name_does_not_replace_the_first_ones_result(folder):
    run(folder)
    other = write(folder / "other" / "a.wav", speechlike(0.7, 16_000), 16_000)
    report = restore(other, folder / "out", jobs=1, stage_factory=identity)
    assert "in the way" in report[0].error


def test_a_journal_cut_off_in_its_last_line_is_read(folder):
    run(folder)
    journal = folder / "out" / JOURNAL
    journal.write_bytes(journal.read_bytes()[:-40])
    assert run(folder) == {"a.wav": "skipped", "b.wav": "skipped", "sub/c.wav": "failed"}
    (folder / "out" / "sub" / "c.wav").unlink()
    assert run(folder) == {"a.wav": "skipped", "b.wav": "skipped", "sub/c.wav": "restored"}
    assert set(run(folder).values()) == {"skipped"}


def test_only_one_run_at_a_time_writes_to_a_folder(folder):
    (folder / "out").mkdir()
    with Journal(folder / "out", {}), pytest.raises(OutputError, match="another run"):
        run(folder)


def test_the_report(folder):
    write(folder / "in" / "bad.wav", speechlike(0.3, 16_000), 16_000).write_bytes(b"")
    report = restore(folder / "in", folder / "out", jobs=1, stage_factory=half, mix=0.5)
    written = json.loads((folder / "out" / "restore-report.json").read_text())
    assert written == json.loads(json.dumps(report.as_dict()))
    assert written["totals"] | {"elapsed": 0, "speed": 0} == {
        "files": 4, "restored": 3, "skipped": 0, "failed": 1, "seconds": 0.9, "elapsed": 0, "speed": 0,
    }  # fmt: skip
    assert written["settings"]["mix"] == 0.5 and written["complete"]
    assert (
        len(report) == 4 and report[1].relative == "b.wav" and [each.relative for each in report.failed] == ["bad.wav"]
    )
    assert written["files"][0]["before"]["peak_dbfs"] > written["files"][0]["after"]["peak_dbfs"]


@pytest.mark.slow
def test_reference_and_picture_asked_for_later_cost_no_second_restoration(folder):
    run(folder)
    before = (folder / "out" / "a.wav").stat().st_mtime_ns
    report = restore(
        folder / "in", folder / "out", jobs=1, stage_factory=half, reference=folder / "in", spectrogram=True
    )
    assert {each.status for each in report} == {"skipped"} and (folder / "out" / "a.wav").stat().st_mtime_ns == before
    assert report[0].reference["after"]["si_sdr"] > 40
    assert (folder / "out" / "sub" / "c.wav.png").read_bytes().startswith(b"\x89PNG")
    assert set(run(folder, reference=folder / "in", spectrogram=True).values()) == {"skipped"}


@pytest.mark.slow
def test_a_picture_of_an_earlier_run_does_not_disturb_a_later_reference(folder):
    run(folder, spectrogram=True)
    report = restore(folder / "in", folder / "out", jobs=1, stage_factory=identity, reference=folder / "in")
    assert {each.status for each in report} == {"skipped"} and not any(each.notes for each in report)
    assert report[0].reference["after"]["si_sdr"] > 100 and report[0].spectrogram.endswith("a.wav.png")


def test_somebody_elses_picture_is_left_alone(folder):
    (folder / "out").mkdir()
    (folder / "out" / "a.wav.png").write_bytes(b"mine")
    report = restore(folder / "in" / "a.wav", folder / "out", stage_factory=identity, spectrogram=True)
    assert report[0].status == "restored" and "in the way" in report[0].notes[0] and report[0].spectrogram is None
    assert (folder / "out" / "a.wav.png").read_bytes() == b"mine"


_RUN = """
import signal
import sys
import duplex.batch.restore
from tests.duplex.batch.restore.stages import gated
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell has its children ignore it
try:
    duplex.batch.restore.restore(sys.argv[1], sys.argv[2], jobs=int(sys.argv[3]), stage_factory=gated)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_run_leaves_nothing_half_written_and_is_resumed(folder, jobs, how, monkeypatch):
    long = write(folder / "in" / "sub" / "long.wav", speechlike(4.0, 16_000), 16_000)
    gate = folder / "gate"
    monkeypatch.setenv(GATE, str(gate))
    process = subprocess.Popen(
        [sys.executable, "-c", _RUN, str(folder / "in"), str(folder / "out"), str(jobs)], start_new_session=True
    )
    try:
        _wait(lambda: all((folder / "out" / name).exists() for name in ALL))
        _wait(lambda: any(path.stat().st_size for path in (folder / "out").rglob("*.part")))
        process.send_signal(how)
        assert process.wait(30) == (130 if how == signal.SIGINT else -signal.SIGKILL)
    finally:
        process.kill()
    gate.touch()
    if how == signal.SIGINT:
        assert not list((folder / "out").rglob("*.part"))
        assert json.loads((folder / "out" / "restore-report.json").read_text())["complete"] is False
    assert not (folder / "out" / "sub" / "long.wav").exists()
    _wait(lambda: _lock_is_free(folder / "out"))
    result = run(folder)
    assert result == dict.fromkeys(ALL, "skipped") | {"sub/long.wav": "restored"}
    assert (folder / "out" / "sub" / "long.wav").stat().st_size == long.stat().st_size
    assert not list((folder / "out").rglob("*.part"))


def _lock_is_free(out) -> bool:
    try:
        with Journal(out, {}):
            return True
    except OutputError:
        return False


def _wait(condition) -> None:
    limit = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.02)


def test_environment_is_not_needed_for_a_gate_that_is_open(tmp_path):
    assert GATE not in os.environ
