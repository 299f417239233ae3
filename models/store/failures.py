"""Why files could not be brought: one source's fault, or one that no other source mends."""

from __future__ import annotations

import errno
from pathlib import Path

from duplex.models.store.entry import megabytes
from duplex.streaming.errors import ModelError


class SourceError(ModelError):
    """This source does not give the files; the next one may."""


class DiskError(ModelError):
    """The files cannot be kept: no space, no permission, the folder vanished. No other source helps."""


def disk_error(error: OSError, folder: Path, needed: int = 0) -> DiskError:
    """In one line, with what to do. needed: bytes, where space ran out."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return no_space(folder, needed)
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return DiskError(f"{folder}: cannot be written ({error.strerror}); name another folder with DUPLEX_MODELS")
    if error.errno == errno.ENOENT:
        return DiskError(f"{folder}: was removed while a model was being pulled into it; try again")
    return DiskError(f"{folder}: cannot be written ({error.strerror or error}); name another with DUPLEX_MODELS")


def no_space(folder: Path, needed: int) -> DiskError:
    much = f"{megabytes(needed)} more are needed" if needed else "the disk is full"
    return DiskError(f"{folder}: no space left for the model ({much}); name another folder with DUPLEX_MODELS")
