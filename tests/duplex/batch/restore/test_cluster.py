"""A local Ray with two workers: bytes shipped and paths shared, failures retried elsewhere, workers lost."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from duplex.batch.restore import remote_io as shipment
from duplex.batch.restore import restore
from duplex.streaming.errors import SettingsError
from tests.duplex.batch.restore.recordings import read, speechlike, write
from tests.duplex.batch.restore.stages import Gain, fatal, half

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def two_workers():
    ray = pytest.importorskip("ray", reason="Ray is not installed: pip install duplex[cluster]")
    root = str(Path(__file__).parents[4])
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
        runtime_env={"env_vars": {"PYTHONPATH": root}},
    )
    yield ray
    ray.shutdown()


@pytest.fixture
def folder(tmp_path):
    for at in range(4):
        write(tmp_path / "in" / f"{at}.wav", speechlike(0.5, 16_000, seed=at), 16_000)
    return tmp_path


def flaky(options):
    """Fails at the first hop that any worker gets, and never again: a marker in the folder `weights` remembers."""

    class Flaky(Gain):
        def step(self, chunk, state):
            try:
                os.close(os.open(os.path.join(options.weights, "marker"), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                return super().step(chunk, state)
            if options.task == "codec":
                os._exit(1)
            raise RuntimeError("a passing fault")

    return Flaky(0.5)


def test_bytes_are_shipped_and_the_results_are_those_of_one_process(folder):
    (folder / "in" / "bad.wav").write_bytes(b"")
    (folder / "ref").mkdir()
    write(folder / "ref" / "0.flac", speechlike(0.5, 16_000, seed=0), 16_000)
    settings = {"stage_factory": half, "reference": folder / "ref", "spectrogram": True}
    here = restore(folder / "in", folder / "here", jobs=1, **settings)
    there = restore(folder / "in", folder / "there", cluster=True, jobs=2, **settings)
    assert [each.status for each in there] == [each.status for each in here] == ["restored"] * 4 + ["failed"]
    for a, b in zip(here.restored, there.restored, strict=True):
        assert (a.before, a.after, a.seconds) == (b.before, b.after, b.seconds)
        assert np.array_equal(read(a.target)[0], read(b.target)[0])
        assert Path(b.spectrogram).read_bytes().startswith(b"\x89PNG") and b.source == a.source
    assert here[0].reference["after"] == there[0].reference["after"]
    assert there.failed[0].error == f"{folder}/in/bad.wav: the file is empty"
    assert len({each.worker for each in there.restored}) == 2
    assert not list((folder / "there").rglob("*.part"))
    again = restore(folder / "in", folder / "there", cluster=True, **settings)
    assert [each.status for each in again] == ["skipped"] * 4 + ["failed"]


def test_large_files_are_read_where_they_lie(folder, monkeypatch):
    monkeypatch.setattr(shipment, "SHIPPED_BYTES", 1000)
    monkeypatch.chdir(folder)
    report = restore("in", "out", cluster=True, jobs=2, stage_factory=half, loudness="free")
    assert len(report.restored) == 4 and not list((folder / "out").rglob("*.part"))
    assert np.allclose(read("out/1.wav")[0], 0.5 * read("in/1.wav")[0], atol=1e-4)


@pytest.mark.parametrize("task", ["enhance", "codec"])
def test_a_file_that_fails_or_kills_its_worker_is_tried_elsewhere(folder, task):
    (folder / "markers").mkdir()
    report = restore(
        folder / "in", folder / "out", cluster=True, task=task, weights=folder / "markers", stage_factory=flaky
    )
    assert (folder / "markers" / "marker").exists()
    assert [each.status for each in report] == ["restored"] * 4 and not list((folder / "out").rglob("*.part"))


def test_a_file_that_kills_every_worker_costs_no_other(folder):
    loud = speechlike(0.5, 16_000)
    write(folder / "in" / "1.wav", loud / np.abs(loud).max(), 16_000)
    report = restore(folder / "in", folder / "out", cluster=True, stage_factory=fatal)
    assert [each.status for each in report] == ["restored", "failed", "restored", "restored"]
    assert "its worker died" in report[1].error and report[1].notes == ["tried 2 times"]


def test_the_model_itself_on_the_cluster(folder):
    report = restore(folder / "in", folder / "out", cluster=True, jobs=2)
    assert len(report.restored) == 4


def test_a_model_that_cannot_be_loaded(folder):
    with pytest.raises(SettingsError, match="tpu"):
        restore(folder / "in", folder / "out", cluster=True, device="tpu")
