"""Worker processes: the same results as one process, one that dies costs one file."""

from __future__ import annotations

import numpy as np
import pytest

from duplex.batch.restore import Watcher, restore
from duplex.batch.restore.restore_file import Progress
from duplex.streaming.errors import SettingsError
from tests.duplex.batch.restore.recordings import read, speechlike, write
from tests.duplex.batch.restore.stages import Gain, fatal, half, identity


@pytest.fixture
def folder(tmp_path):
    for at in range(4):
        write(tmp_path / "in" / f"{at}.wav", speechlike(0.5, 16_000, seed=at), 16_000)
    return tmp_path


class Log(Watcher):
    def __init__(self):
        self.items, self.seen, self.done = [], [], []

    def planned(self, items):
        self.items = [item.relative for item in items]

    def progress(self, item, progress):
        assert isinstance(progress, Progress) and item.relative == progress.relative
        self.seen.append(progress.relative)

    def finished(self, result):
        self.done.append(result.relative)


def test_two_processes_do_what_one_does(folder):
    log = Log()
    one = restore(folder / "in", folder / "one", jobs=1, stage_factory=half)
    two = restore(folder / "in", folder / "two", jobs=2, stage_factory=half, watcher=log)
    assert [each.relative for each in two] == [each.relative for each in one]
    for a, b in zip(one, two, strict=True):
        assert (a.before, a.after, a.seconds, a.notes) == (b.before, b.after, b.seconds, b.notes)
        assert np.array_equal(read(a.target)[0], read(b.target)[0])
    assert sorted(log.items) == sorted(log.done) == sorted(set(log.seen)) == ["0.wav", "1.wav", "2.wav", "3.wav"]


def test_a_process_that_dies_costs_its_file_only(folder):
    loud = speechlike(0.5, 16_000)
    write(folder / "in" / "1.wav", loud / np.abs(loud).max(), 16_000)
    report = restore(folder / "in", folder / "out", jobs=2, stage_factory=fatal)
    assert [each.status for each in report] == ["restored", "failed", "restored", "restored"]
    assert report[1].error == f"{folder}/in/1.wav: its worker process died (status 3)"
    assert not list((folder / "out").rglob("*.part"))


def test_a_model_that_cannot_be_loaded_is_one_error(folder):
    with pytest.raises(SettingsError, match="tpu"):
        restore(folder / "in", folder / "out", jobs=2, device="tpu")


def test_workers_must_be_able_to_import_the_factory(folder):
    with pytest.raises(SettingsError, match="import"):
        restore(folder / "in", folder / "out", jobs=2, stage_factory=lambda options: Gain())


def test_a_watcher_that_fails_stops_the_workers(folder):
    class Failing(Watcher):
        def finished(self, result):
            raise LookupError("enough")

    with pytest.raises(LookupError):
        restore(folder / "in", folder / "out", jobs=2, stage_factory=identity, watcher=Failing())
    assert not list((folder / "out").rglob("*.part"))


def test_the_model_itself_in_two_processes(folder):
    report = restore(folder / "in", folder / "out", jobs=2, task="enhance", mix=0.8)
    assert len(report.restored) == 4
    for each in report:
        sound, original = read(each.target)[0], read(each.source)[0]
        assert sound.shape == original.shape and np.isfinite(sound).all() and not np.array_equal(sound, original)
