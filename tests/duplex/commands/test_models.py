"""`duplex models`, what commands show of a pull, and what `duplex doctor` says of the store."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from duplex.cli import main
from duplex.commands.doctor import examine_models
from duplex.commands.pull_progress import announce_pulls, pulls_shown
from duplex.models import store
from duplex.models.store import LocalSource
from duplex.models.store.watching import watcher
from tests.models.store.conftest import CONTENT, entry_from, is_right


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files of the one model of the catalog; the store is empty, and in the same place."""
    place = tmp_path / "given"
    place.mkdir()
    for name, content in CONTENT.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    entry = entry_from(LocalSource(str(place)))
    monkeypatch.setattr("duplex.models.store.CATALOG", {entry.name: entry})
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "models"))
    monkeypatch.delenv("DUPLEX_OFFLINE", raising=False)
    return place


def fails(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    """Runs a command that must fail; returns its one line."""
    assert main(argv) != 0
    err = capsys.readouterr().err.splitlines()
    lines = [line for line in err if not line.startswith("pulling ")]
    assert len(lines) == 1 and lines[0].startswith("duplex: "), err
    return lines[0]


def test_pull_where_list_remove(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "`duplex models pull some-model`" in fails(capsys, "models", "where", "some-model")
    assert main(["models", "pull", "some-model"]) == 0
    printed = capsys.readouterr()
    place = tmp_path / "models" / "some-model"
    assert printed.out == f"{place}\n"
    assert printed.err == "pulling some-model (0.3 MB, MIT) …\n"
    assert is_right(place)

    assert main(["models", "where", "some-model"]) == 0
    assert main(["models", "where"]) == 0
    assert capsys.readouterr().out == f"{place}\n{tmp_path / 'models'}\n"

    assert main(["models", "list"]) == 0
    row = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("some-model"))
    assert "yes" in row and "0.3 MB" in row and "MIT" in row and "for tests" in row

    assert main(["models", "remove", "some-model"]) == 0
    assert store.find("some-model") is None
    assert "not here" in fails(capsys, "models", "remove", "some-model")


def test_what_is_there_is_not_announced(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "pull", "some-model"])
    capsys.readouterr()
    assert main(["models", "pull", "some-model"]) == 0
    assert capsys.readouterr().err == ""


def test_check_finds_what_sizes_do_not_show(capsys: pytest.CaptureFixture[str]) -> None:
    main(["models", "pull", "some-model"])
    assert main(["models", "list", "--check"]) == 0
    (store.folder() / "some-model" / "encoder.onnx").write_bytes(CONTENT["encoder.onnx"][::-1])
    capsys.readouterr()
    assert main(["models", "list", "--check"]) == 1
    printed = capsys.readouterr()
    assert "damaged" in printed.out
    assert "some-model: encoder.onnx" in printed.err


def test_a_place_may_be_given(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder.rename(tmp_path / "elsewhere")
    assert "no such folder" in fails(capsys, "models", "pull", "some-model")
    assert "no such folder" in fails(capsys, "models", "pull", "some-model", "--from", str(folder))
    assert main(["models", "pull", "some-model", "--from", str(tmp_path / "elsewhere")]) == 0
    assert is_right(store.folder() / "some-model")


@pytest.mark.parametrize("action", ["pull", "where", "remove"])
def test_an_unknown_name_is_one_line(action: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert "did you mean some-model?" in fails(capsys, "models", action, "some-modell")


def test_of_several_names_none_is_pulled_if_one_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    fails(capsys, "models", "pull", "some-model", "nonsense")
    assert store.find("some-model") is None


def test_on_a_terminal_there_is_a_bar(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    entry = store.lookup("some-model")
    with pulls_shown():
        shown = watcher()
        shown.started(entry)
        shown.started(other := entry_from(name="other-model"))
        shown.progress(entry, 1000, 305_000)
        shown.progress(other, 305_000, 305_000)
        shown.finished(other, True)
        shown.progress(entry, 305_000, 305_000)
        shown.finished(entry, True)
        shown.started(entry)
        shown.finished(entry, False)
    err = capsys.readouterr().err
    assert err.count("pulling some-model") == 2
    assert "305.0/305.0 kB" in err


def test_a_worker_process_announces_what_it_pulls(capsys: pytest.CaptureFixture[str]) -> None:
    with store.watched_by(watcher()):  # what a worker sets is undone
        announce_pulls()
        store.fetch("some-model")
    assert capsys.readouterr().err == "pulling some-model (0.3 MB, MIT) …\n"
    assert type(watcher()) is store.Watcher


def test_a_library_user_gets_log_records_only(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "duplex.models.store"):
        store.fetch("some-model")
    assert capsys.readouterr() == ("", "")
    assert "pulling some-model (0.3 MB, MIT)" in caplog.text


def test_doctor_says_what_is_there_and_what_each_would_cost() -> None:
    def findings() -> dict[str, tuple[str, str]]:
        return {found.what: (found.state, found.detail) for found in examine_models()}

    state, detail = findings()["some-model"]
    assert state == "missing" and "0.3 MB to pull, MIT" in detail
    store.fetch("some-model")
    found = findings()
    assert found["some-model"][0] == "ok"
    assert found["model store"][0] == "ok" and "1 models" in found["model store"][1]


def test_doctor_says_that_the_store_cannot_be_written(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("DUPLEX_MODELS", str(tmp_path / "file" / "models"))
    (found,) = (found for found in examine_models() if found.what == "model store")
    assert found.state == "broken" and "DUPLEX_MODELS" in found.detail
