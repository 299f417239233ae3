"""What a user meets first: importing is cheap, names are there, and a shadowed name is said in one sentence."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

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


def test_a_type_checker_sees_the_names_that_a_program_gets() -> None:
    """What `duplex` imports lazily is imported a second time for type checkers: the two lists are the same."""
    tree = ast.parse(Path(duplex.__file__).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {alias.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    assert seen == duplex._HOME
    assert {*seen, "__version__"} == set(duplex.__all__)


@pytest.mark.parametrize("name", duplex.__all__)
def test_a_public_name_is_what_it_says_and_is_documented(name: str) -> None:
    value = getattr(duplex, name)
    if name != "__version__":
        assert value.__name__ == name and value.__module__.startswith("duplex.")
        assert value.__doc__


def test_projects_may_have_modules_of_the_same_names_as_the_floors(tmp_path: Path) -> None:
    (tmp_path / "models.py").write_text("mine = 1\n")
    (tmp_path / "streaming.py").write_text("mine = 2\n")
    code = "import models, streaming, duplex; duplex.Session, duplex.Restorer; print(models.mine, streaming.mine)"
    result = python(code, cwd=tmp_path, path=tmp_path)
    assert (result.stdout.strip(), result.stderr) == ("1 2", "")
