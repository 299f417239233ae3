"""Where recordings are kept, and for how long."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from duplex.streaming.errors import OutputError

log = logging.getLogger(__name__)

_NAME = re.compile(r"call-\d{8}T\d{6}-[\w-]{11}")


class Recordings:
    """A folder of recordings, each in a folder of its own, deleted `keep` seconds after it was last written to.

    Readable by its owner only. What is not named like one of ours is never touched. Raises OutputError if the folder
    cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], keep: float, wall_time: Callable[[], float] = time.time) -> None:
        self.folder = Path(folder)
        self.keep = keep
        self._wall_time = wall_time
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{self.folder}: cannot be made for recordings ({error.strerror})") from None

    def new_folder(self) -> Path:
        """Raises OutputError."""
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(self._wall_time()))
        folder = self.folder / f"call-{stamp}-{secrets.token_urlsafe(8)}"
        try:
            folder.mkdir(mode=0o700)
        except OSError as error:
            raise OutputError(f"{folder}: cannot be made ({error.strerror})") from None
        return folder

    def sweep(self) -> list[Path]:
        """Deletes what is older than `keep`; returns what is gone."""
        gone = []
        for folder in self.folder.iterdir():
            if not _NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                continue
            written = max((file.stat().st_mtime for file in folder.iterdir()), default=folder.stat().st_mtime)
            if self._wall_time() - written > self.keep:
                delete(folder)
                gone.append(folder)
        return gone


def delete(folder: Path) -> None:
    """A recording and all that was made from it."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        log.error("%s: cannot be deleted", folder)
