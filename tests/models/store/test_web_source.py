"""Files over HTTP and from the hub: resumed, checked against the catalog's sums or the server's; hub's variables."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.models import store
from duplex.models.store.download import TRIES, download
from duplex.streaming.errors import ModelError
from tests.models.store.conftest import CONTENT, HUB, Catalog, at_url, is_right
from tests.models.store.servers import Files

WHOLE = sum(map(len, CONTENT.values()))


def fails() -> str:
    with pytest.raises(ModelError) as caught:
        store.fetch("some-model")
    line = str(caught.value)
    assert "\n" not in line
    return line


def ranges(files: Files) -> list[str]:
    return [headers["range"] for _, headers in files.asked if "range" in headers]


def test_files_come_from_the_hub(hub: Files, catalog: Catalog) -> None:
    catalog(HUB, sums=False)
    assert is_right(store.fetch("some-model"))
    assert store.check("some-model") == []


def test_a_connection_that_breaks_is_resumed_where_it_broke(hub: Files, catalog: Catalog) -> None:
    hub.break_after, hub.breaks = 100_000, 1
    catalog(HUB)
    assert is_right(store.fetch("some-model"))
    assert ranges(hub) and all(0 < int(asked[6:-1]) <= 100_000 for asked in ranges(hub))


def test_a_half_file_of_an_earlier_pull_is_resumed(hub: Files, catalog: Catalog) -> None:
    hub.break_after, hub.breaks = 100_000, 10**6
    catalog(HUB, sums=False)
    hub.ranges = False  # so that every try brings the same half
    fails()
    assert store.find("some-model") is None
    hub.breaks, hub.ranges = 0, True
    hub.asked.clear()
    assert is_right(store.fetch("some-model"))
    assert "bytes=100000-" in ranges(hub)


def test_a_half_file_of_another_version_is_not_joined(hub: Files, catalog: Catalog) -> None:
    path = "/someone/some-model/resolve/main/encoder.onnx"
    hub.content[path] = CONTENT["encoder.onnx"][::-1]
    hub.break_after, hub.breaks, hub.ranges = 100_000, 10**6, False
    catalog(HUB, sums=False)
    fails()
    hub.content[path] = CONTENT["encoder.onnx"]
    hub.breaks, hub.ranges = 0, True
    assert is_right(store.fetch("some-model"))


def test_a_half_file_that_a_crash_has_spoilt_is_brought_again(hub: Files, catalog: Catalog) -> None:
    hub.break_after, hub.breaks, hub.ranges = 100_000, 10**6, False
    catalog(HUB)
    fails()
    (half,) = store.folder().rglob("*.unfinished")
    half.write_bytes(bytes(100_000))
    hub.breaks, hub.ranges = 0, True
    assert is_right(store.fetch("some-model"))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(0, 5000), breaks=st.integers(0, TRIES - 1), there=st.integers(0, 6000))
def test_any_break_at_any_byte_gives_the_whole_file(
    files: Files, tmp_path: Path, size: int, breaks: int, there: int
) -> None:
    content = CONTENT["parts/tokens.bin"][:size]
    files.content["/file"] = content
    files.break_after, files.breaks = size // (breaks + 1), breaks
    path = tmp_path / "file"
    path.write_bytes(CONTENT["encoder.onnx"][:there])  # without a note of what it is part of: not used
    told = download(f"{files.url}/file", path, {}, lambda done, total: None)
    assert path.read_bytes() == content
    assert told.size == size


@pytest.mark.parametrize("source", ["hub", "url"])
def test_wrong_content_is_refused(hub: Files, catalog: Catalog, source: str) -> None:
    catalog(HUB if source == "hub" else at_url(hub))
    for path in list(hub.content):
        if path.endswith("encoder.onnx"):
            hub.content[path] = CONTENT["encoder.onnx"][::-1]
    assert "encoder.onnx has the wrong sum" in fails()
    assert store.find("some-model") is None


def test_the_hubs_sum_is_checked_where_the_catalog_has_none(hub: Files, catalog: Catalog) -> None:
    hub.false_sum = True
    catalog(HUB, sums=False)
    assert "wrong sum" in fails()


def test_no_network(catalog: Catalog) -> None:
    catalog(HUB)
    assert "cannot be reached" in fails()


def test_a_server_that_is_busy_is_asked_again(hub: Files, catalog: Catalog) -> None:
    hub.refusals = TRIES - 1
    catalog(HUB)
    assert is_right(store.fetch("some-model"))


@pytest.mark.parametrize(
    ("status", "said"), [(503, "answers 503"), (401, "HF_TOKEN"), (404, "nothing at"), (400, "400")]
)
def test_a_server_that_refuses(hub: Files, catalog: Catalog, status: int, said: str) -> None:
    hub.refusals, hub.status = 100, status
    catalog(HUB)
    assert said in fails()


def test_a_token_is_sent_to_the_hub(hub: Files, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    catalog(HUB)
    store.fetch("some-model")
    asked = [headers.get("authorization") for path, headers in hub.asked if not path.startswith("/cdn")]
    assert asked == ["Bearer hf_secret"] * len(CONTENT)


def test_a_token_of_a_file_is_sent_to_the_hub(
    hub: Files, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    (tmp_path / "hf").mkdir()
    (tmp_path / "hf" / "token").write_text("hf_of_file\n")
    catalog(HUB)
    store.fetch("some-model")
    assert hub.asked[0][1]["authorization"] == "Bearer hf_of_file"


def test_a_token_is_not_sent_on_to_where_the_hub_keeps_its_files(
    hub: Files, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    hub.cdn = hub.url.replace("127.0.0.1", "localhost")
    catalog(HUB)
    assert is_right(store.fetch("some-model"))
    there = [headers for path, headers in hub.asked if path.startswith("/cdn")]
    assert len(there) == len(CONTENT)
    assert not any("authorization" in headers for headers in there)


def test_offline_forbids_the_hub(hub: Files, catalog: Catalog, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    catalog(HUB)
    assert "HF_HUB_OFFLINE forbids" in fails()
    assert hub.asked == []


@pytest.mark.parametrize("switch", ["HF_HUB_OFFLINE", "DUPLEX_OFFLINE"])
def test_the_hubs_cache_is_used(catalog: Catalog, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, switch: str) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv(switch, "1")
    repository = tmp_path / "hf" / "hub" / "models--someone--some-model"
    snapshot = repository / "snapshots" / "c0ffee"
    for place in (repository / "refs", repository / "blobs", snapshot / "parts"):
        place.mkdir(parents=True)
    (repository / "refs" / "main").write_text("c0ffee")
    for name, content in CONTENT.items():
        blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
        blob.write_bytes(content)
        (snapshot / name).symlink_to(os.path.relpath(blob, (snapshot / name).parent))
    catalog(HUB)
    assert is_right(store.fetch("some-model"))
