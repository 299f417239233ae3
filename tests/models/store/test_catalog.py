"""The catalog itself: every entry is whole; and, where there is a network, what it names can be had."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from duplex.models import store
from duplex.models.store import HubSource, PackageSource

ROOT = Path(__file__).parents[3]
SMALL = ("gtcrn", "moonshine-tiny-en")
OWN = {name: value for name, value in os.environ.items() if not name.startswith("DUPLEX_")}
"""The environment as it was before the tests changed it: pip's configuration is the user's."""


@pytest.mark.parametrize("name", sorted(store.catalog()))
def test_an_entry_is_whole(name: str) -> None:
    entry = store.catalog()[name]
    assert entry.name == name and re.fullmatch(r"[A-Za-z0-9._-]+", name)
    assert (ROOT / "models" / entry.family).is_dir()
    assert entry.licence and entry.about and entry.files and entry.sources and entry.size > 0
    for file in entry.files:
        assert not file.sha256 or re.fullmatch("[0-9a-f]{64}", file.sha256)
        assert bool(file.sha256) == bool(file.size)
        assert ".." not in file.name and not file.name.startswith("/")
    for source in entry.sources:
        assert not isinstance(source, PackageSource) or (source.sha256 and source.size), "a wheel has a sum"
        if not isinstance(source, HubSource):
            assert all(file.sha256 for file in entry.files), "only the hub says sums by itself"


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_the_index_has_it(name: str, tmp_path: Path) -> None:
    code = f"from duplex.models import store; print(store.fetch({name!r})); assert not store.check({name!r})"
    environment = OWN | {"PYTHONPATH": str(ROOT), "DUPLEX_MODELS": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    if "index cannot be reached" in done.stderr or "the package index has no" in done.stderr:
        pytest.skip(f"no package index that has it: {done.stderr.splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(tmp_path / name)
