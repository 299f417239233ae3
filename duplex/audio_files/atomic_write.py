"""Files written whole or not at all: under a short temporary name beside the target, synced, then renamed."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from duplex.streaming.errors import OutputError

LONGEST_NAME = 255
"""Bytes of a file name on every common file system."""


def temporary_name() -> str:
    """Short enough for any folder that takes the final name, and recognized by `restore`'s clean-up."""
    return f".duplex-{secrets.token_hex(6)}.part"


def fitting_name(stem: str, suffix: str) -> str:
    """stem + suffix; a stem that would make the name too long is cut, and told from others by a hash of it all."""
    name = stem + suffix
    if len(os.fsencode(name)) <= LONGEST_NAME:
        return name
    mark = "~" + hashlib.sha256(os.fsencode(stem)).hexdigest()[:8]
    while len(os.fsencode(stem + mark + suffix)) > LONGEST_NAME:
        stem = stem[:-1]
    return stem + mark + suffix


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields the path to write to; on leaving without an error the file there becomes `path`. Raises OutputError.

    What is no regular file, such as a device or a pipe, is written to directly.
    """
    if os.path.lexists(path) and not path.is_file() and not path.is_dir() and not path.is_symlink():
        try:
            yield path
        except OSError as error:
            raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
        return
    part = path.with_name(temporary_name())
    try:
        yield part
        with part.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror})") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def write_whole(path: Path, content: str | bytes) -> None:
    """Text is written as UTF-8; names in it that are not UTF-8 are escaped. Raises OutputError."""
    data = content.encode("utf-8", "backslashreplace") if isinstance(content, str) else content
    with atomic_path(path) as part, part.open("wb") as file:
        file.write(data)


def check_writable(path: Path) -> None:
    """Makes the folder of `path` and sees that a file can be put there. Raises OutputError, before any work."""
    folder = path.parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise OutputError(f"{path}: is a folder")
        if len(os.fsencode(path.name)) > LONGEST_NAME:
            raise OutputError(f"{path}: the name is too long")
        if path.exists() and not path.is_file():
            return
        trial = folder / temporary_name()
        trial.touch()
        trial.unlink()
    except (OSError, ValueError) as error:
        raise OutputError(f"{path}: cannot be written ({getattr(error, 'strerror', None) or error})") from None
