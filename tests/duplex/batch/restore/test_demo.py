"""The demo: a folder by the public names alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.duplex.batch.restore.recordings import read, speechlike, write

DEMO = Path(__file__).parents[4] / "demos" / "restore_folder.py"


@pytest.mark.slow
def test_the_demo_restores_a_folder(tmp_path):
    write(tmp_path / "in" / "a.wav", speechlike(0.5, 48_000, 2), 48_000)
    command = [sys.executable, str(DEMO), str(tmp_path / "in"), str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "restored" in done.stdout and "live: 35 ms behind the input" in done.stdout
    assert read(tmp_path / "out" / "a.wav")[0].shape == (24_000, 2)


def test_the_demo_uses_public_names_only_and_is_short():
    text = DEMO.read_text()
    imports = [line for line in text.splitlines() if line.startswith(("import ", "from "))]
    assert not [line for line in imports if "duplex." in line or "models" in line or "streaming" in line]
    assert len(text.splitlines()) < 60
