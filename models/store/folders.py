"""The store's folder, and which models lie in it complete.

A model is a folder by its name that holds its files and a manifest. The folder comes into being by one rename, when all
its files are there and checked; so what has a manifest was whole once, and the sizes tell whether it still is.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from duplex.models.store.entry import Entry
from duplex.streaming.errors import ModelError

MANIFEST = "manifest.json"

UNFINISHED = ".unfinished"
"""What the name of a file ends in until all of it is there."""


def set_to_yes(variable: str) -> bool:
    """Whether an environment variable that is a switch is on."""
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "yes", "on")


def store_folder() -> Path:
    """DUPLEX_MODELS, else duplex/models in the user's cache. It need not exist. Raises ModelError without a home."""
    given = os.environ.get("DUPLEX_MODELS")
    cache = os.environ.get("XDG_CACHE_HOME", "")
    try:
        if given:
            return Path(given).expanduser().absolute()
        return (Path(cache) if os.path.isabs(cache) else Path.home() / ".cache") / "duplex" / "models"
    except RuntimeError:
        raise ModelError("there is no home folder to keep models in: name one with DUPLEX_MODELS") from None


@dataclass(frozen=True, slots=True)
class Manifest:
    """What was pulled. files: name to (bytes, SHA-256). source: in words."""

    files: dict[str, tuple[int, str]]
    source: str

    def write(self, folder: Path, entry: Entry) -> None:
        content = {
            "name": entry.name,
            "licence": entry.licence,
            "source": self.source,
            "files": {name: {"size": size, "sha256": sha256} for name, (size, sha256) in self.files.items()},
        }
        with (folder / MANIFEST).open("w", encoding="utf-8") as file:
            json.dump(content, file, indent=1)
            file.flush()
            os.fsync(file.fileno())


def read_manifest(folder: Path) -> Manifest | None:
    """None if there is none, or none that can be read."""
    try:
        content = json.loads((folder / MANIFEST).read_bytes())
        files = {str(name): (int(row["size"]), str(row["sha256"])) for name, row in content["files"].items()}
        return Manifest(files, str(content["source"]))
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def complete(folder: Path, entry: Entry) -> bool:
    """Whether the entry's files, as the catalog has them today, lie in `folder` in full; reads sizes only."""
    manifest = read_manifest(folder)
    if manifest is None:
        return False
    for file in entry.files:
        size, sha256 = manifest.files.get(file.name, (-1, ""))
        if file.sha256 and file.sha256 != sha256:
            return False
        try:
            if (folder / file.name).stat().st_size != size:
                return False
        except OSError:
            return False
    return True


def faults(folder: Path, entry: Entry) -> list[str]:
    """What is wrong with a model's files, a line each, by their full sums; empty if nothing is."""
    manifest = read_manifest(folder)
    if manifest is None:
        return ["its manifest is missing or cannot be read"]
    found = []
    for file in entry.files:
        expected = file.sha256 or manifest.files.get(file.name, (0, ""))[1]
        try:
            if file_sha256(folder / file.name) != expected:
                found.append(f"{file.name}: not the content that was pulled")
        except OSError as error:
            found.append(f"{file.name}: {error.strerror}")
    return found


def file_sha256(path: Path) -> str:
    """Hex digits. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextlib.contextmanager
def finished_whole(path: Path) -> Iterator[Path]:
    """Yields the name to write to; it becomes `path` if nothing fails. Makes the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + UNFINISHED)
    yield unfinished
    os.replace(unfinished, path)


def disk_size(folder: Path) -> int:
    """Bytes of all files in `folder`; those that vanish meanwhile count nothing."""
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(parent, name)).st_size
            except OSError:
                continue
    return total
