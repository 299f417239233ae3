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

from duplex.serving.disk import DiskThreads
from duplex.streaming.clock import Clock
from duplex.streaming.errors import CallError, OutputError

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
        """Delete what is older than `keep`; return what is gone. Blocking. Raises OSError if the folder is gone."""
        gone = []
        for folder in self.folder.iterdir():
            if not _NAME.fullmatch(folder.name) or folder.is_symlink() or not folder.is_dir():
                continue
            try:
                written = max((file.stat().st_mtime for file in folder.iterdir()), default=folder.stat().st_mtime)
            except OSError:  # it is being deleted or written this moment
                continue
            if self._wall_time() - written > self.keep:
                delete(folder)
                gone.append(folder)
        return gone


async def sweep_for_ever(recordings: Recordings, disk: DiskThreads, clock: Clock, period: float = 60.0) -> None:
    """Delete recordings whose time is over, every `period` seconds, off the event loop."""
    while True:
        try:
            await disk.run(recordings.sweep)
        except OSError as error:
            log.error("%s: old recordings cannot be deleted (%s)", recordings.folder, error.strerror or error)
        await clock.sleep_until(clock.now() + period)


def read_piece(path: Path, offset: int, size: int) -> bytes:
    """Bytes of a recording; empty at its end. Blocking. Raises CallError if it is gone."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(size)
    except OSError as error:
        raise CallError(f"the recording is gone ({error.strerror})") from None


def delete(folder: Path) -> None:
    """Delete a recording and all that was made from it. Blocking; failures are logged."""
    shutil.rmtree(folder, ignore_errors=True)
    if folder.exists():
        log.error("%s: cannot be deleted", folder)
