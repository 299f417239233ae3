"""One process at a time pulls a model. The lock is the operating system's: it ends with the process that holds it."""

from __future__ import annotations

import contextlib
import errno
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from duplex.streaming.errors import ModelError

INTERVAL = 0.1
"""Seconds between two tries to get the lock."""


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Holds the lock of the file `path`, which is made if need be and stays.

    waiting: called once if another process, or thread, holds it. Raises ModelError where the file system has no locks.
    """
    with path.open("a+b") as file:
        told = False
        while not _take(file):
            if not told:
                waiting()
                told = True
            time.sleep(INTERVAL)
        try:
            yield
        finally:
            _give(file)


if sys.platform == "win32":
    import msvcrt

    def _take(file: IO[bytes]) -> bool:
        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

    def _give(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _take(file: IO[bytes]) -> bool:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                return False
            raise ModelError(
                f"{file.name}: cannot be locked ({error.strerror}); name a folder on another disk with DUPLEX_MODELS"
            ) from None
        return True

    def _give(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_UN)
