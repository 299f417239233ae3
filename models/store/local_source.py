"""Files out of a folder or an archive of this machine."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from duplex.models.store.archive import extract, members_for
from duplex.models.store.entry import File, LocalSource
from duplex.models.store.failures import SourceError
from duplex.models.store.folders import finished_whole


def take_local(source: LocalSource, files: Iterable[File], into: Path) -> None:
    """Copies the files into the folder `into`. Raises SourceError if one is not there; OSError from the disk."""
    place = Path(source.path).expanduser()
    if place.is_file():
        extract(place, members_for(place, files), into)
        return
    if not place.is_dir():
        raise SourceError(f"{place}: no such folder or archive")
    for file in files:
        if not (place / file.name).is_file():
            raise SourceError(f"{place}: has no {file.name}")
        with finished_whole(into / file.name) as path:
            shutil.copyfile(place / file.name, path)
