"""The wheel and the sdist, built and used outside the checkout: what a user installs is what is tested here."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest
import soundfile

import duplex

ROOT = Path(__file__).resolve().parents[1]
CLIP = ROOT / "tests" / "data" / "recognition" / "time_in_tokyo.flac"
NOT_SOURCE = shutil.ignore_patterns("__pycache__", "data")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The sdist, the wheel made from it, and the wheel made from the tree."""
    pytest.importorskip("build")
    folder = tmp_path_factory.mktemp("built")
    source = folder / "source"
    source.mkdir()
    for name in ("duplex", "models", "streaming", "tests"):
        shutil.copytree(ROOT / name, source / name, symlinks=True, ignore=None if name == "duplex" else NOT_SOURCE)
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, source)
    build = [sys.executable, "-m", "build", "--no-isolation", str(source)]
    subprocess.run([*build, "--outdir", str(folder / "both")], check=True, capture_output=True, text=True)
    subprocess.run([*build, "--wheel", "--outdir", str(folder / "tree")], check=True, capture_output=True, text=True)
    return {
        "sdist": next((folder / "both").glob("*.tar.gz")),
        "wheel": next((folder / "both").glob("*.whl")),
        "tree": next((folder / "tree").glob("*.whl")),
    }


def contents(wheel: Path) -> dict[str, int]:
    """Names and checksums, but of the list of them."""
    with zipfile.ZipFile(wheel) as archive:
        return {item.filename: item.CRC for item in archive.infolist() if not item.filename.endswith("RECORD")}


def test_the_sdist_builds_the_wheel_that_the_tree_builds(built: dict[str, Path]) -> None:
    assert contents(built["wheel"]) == contents(built["tree"])


def test_the_wheel_has_every_module_once_and_nothing_but_duplex(built: dict[str, Path]) -> None:
    names = set(contents(built["wheel"]))
    assert {name.split("/")[0] for name in names} == {"duplex", f"duplex-{duplex.__version__}.dist-info"}
    expected = {
        f"{prefix}{path.relative_to(ROOT / floor).as_posix()}"
        for floor, prefix in {"duplex": "duplex/", "models": "duplex/models/", "streaming": "duplex/streaming/"}.items()
        for path in (ROOT / floor).rglob("*.py")
        if not any(parent.is_symlink() for parent in path.parents if parent.is_relative_to(ROOT / floor))
    }
    assert {name for name in names if name.endswith(".py")} == expected


def test_weights_cards_page_and_demo_are_in_the_wheel(built: dict[str, Path]) -> None:
    names = set(contents(built["wheel"]))
    data = {f"duplex/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("models/*/weights/*")}
    data |= {f"duplex/{path.relative_to(ROOT).as_posix()}" for path in ROOT.glob("models/*/CARD.md")}
    data |= {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("duplex/page/*"), *ROOT.glob("duplex/data/*")]}
    assert len(data) > 20
    assert data | {"duplex/py.typed"} <= names


def test_the_sdist_is_the_source_and_no_more(built: dict[str, Path]) -> None:
    with tarfile.open(built["sdist"]) as archive:
        tops = {member.name.split("/")[1] for member in archive.getmembers() if "/" in member.name}
    assert {"duplex", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"} <= tops
    assert "tests" not in tops


@pytest.fixture(scope="module")
def installed(built: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of an environment with the wheel; its dependencies are those of the present environment."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    install = ["install", "--quiet", "--no-deps", "--no-index", str(built["wheel"])]
    subprocess.run([sys.executable, "-m", "pip", "--python", str(python), *install], check=True, env=outside())
    packages = next(folder.glob("lib/python*/site-packages"))
    # A path in a .pth file is searched after the wheel, and the .pth files in it (an editable duplex) are not read.
    (packages / "dependencies.pth").write_text(str(Path(soundfile.__file__).parent) + "\n")
    return python.parent


def outside() -> dict[str, str]:
    """The environment's variables without those that put a checkout on the path."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}


def call(bin_folder: Path, folder: Path, *command: str) -> str:
    """Run a command of the environment in `folder`, where no checkout is on the path; returns what it prints."""
    argv = [str(bin_folder / command[0]), *command[1:]]
    result = subprocess.run(argv, cwd=folder, env=outside(), capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_it_is_the_wheel_that_is_imported(installed: Path, tmp_path: Path) -> None:
    code = "import duplex, duplex.models.restoration.stage as stage; print(duplex.__file__, stage.__file__)"
    for place in call(installed, tmp_path, "python", "-c", code).split():
        assert Path(place).is_relative_to(installed.parent)
    code = "import importlib.util as u; print([n for n in ('models', 'streaming') if u.find_spec(n)])"
    assert call(installed, tmp_path, "python", "-c", code).strip() == "[]"


def test_its_version_is_the_one_in_the_source(installed: Path, tmp_path: Path) -> None:
    assert call(installed, tmp_path, "duplex", "--version").split()[-1] == duplex.__version__
    code = "import importlib.metadata as m; print(m.version('duplex'))"
    assert call(installed, tmp_path, "python", "-c", code).strip() == duplex.__version__


def test_doctor_is_content(installed: Path, tmp_path: Path) -> None:
    assert "espeak" in call(installed, tmp_path, "duplex", "doctor")


def test_a_clip_is_transcribed(installed: Path, tmp_path: Path) -> None:
    call(installed, tmp_path, "duplex", "transcribe", str(CLIP), "--out", "words.srt")
    assert " --> " in (tmp_path / "words.srt").read_text()


def test_a_clip_is_restored(installed: Path, tmp_path: Path) -> None:
    call(installed, tmp_path, "duplex", "restore", str(CLIP), "--out", "restored")
    (restored,) = (tmp_path / "restored").rglob("*.flac")
    assert soundfile.info(restored).frames == soundfile.info(CLIP).frames
