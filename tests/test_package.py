"""What a user meets first: importing is cheap, names are there, and a shadowed name is said in one sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duplex

ROOT = Path(__file__).parents[1]


def python(code: str, cwd: Path | None = None, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": f"{path}:{ROOT}" if path else str(ROOT)}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=cwd, env=env, check=False)


def test_importing_duplex_imports_nothing_heavy() -> None:
    code = (
        "import sys, duplex; duplex.Session, duplex.Settings;"
        "print([m for m in ('torch', 'transformers', 'torchaudio', 'onnxruntime', 'matplotlib') if m in sys.modules])"
    )
    result = python(code)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")


def test_every_public_name_is_there() -> None:
    for name in duplex.__all__:
        assert getattr(duplex, name) is not None
    assert set(duplex._HOME) | {"__version__"} == set(duplex.__all__)


def test_projects_may_have_modules_of_the_same_names_as_the_floors(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine = 1\n")
    (tmp_path / "streaming.py").write_text("mine = 2\n")
    code = "import models, streaming, duplex; duplex.Session, duplex.Restorer; print(models.mine, streaming.mine)"
    result = python(code, cwd=tmp_path, path=tmp_path)
    assert (result.stdout.strip(), result.stderr) == ("1 2", "")
