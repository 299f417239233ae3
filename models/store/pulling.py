"""Pulling a model: one process at a time, source by source, checked, and put in its place by one rename."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from duplex.models.store.download import NOTE
from duplex.models.store.entry import Entry, File, HubSource, LocalSource, PackageSource, Source, UrlSource, megabytes
from duplex.models.store.failures import SourceError, disk_error, no_space
from duplex.models.store.folders import UNFINISHED, Manifest, complete, file_sha256, store_folder
from duplex.models.store.local_source import take_local
from duplex.models.store.lock import locked
from duplex.models.store.package_source import pull_package
from duplex.models.store.watching import Progress, watcher
from duplex.models.store.web_source import pull_hub, pull_urls
from duplex.streaming.errors import ModelError

MARGIN = 20_000_000
"""Bytes that a disk must have left beyond what a model takes."""


def pull(entry: Entry, sources: Sequence[Source], progress: Progress | None) -> Path:
    """Brings the model into the store and returns its folder. Raises ModelError, in one line."""
    store = store_folder()
    lock = store / ".locks" / entry.name
    try:
        lock.parent.mkdir(parents=True, exist_ok=True)
        with locked(lock, waiting=lambda: watcher().waiting(entry)):
            if complete(store / entry.name, entry):
                return store / entry.name
            return _pull_locked(entry, sources, store, progress)
    except OSError as error:
        raise disk_error(error, store, entry.size) from None


def discard(entry: Entry) -> bool:
    """Removes the model and what a broken pull left of it; whether there was anything. Raises ModelError."""
    store = store_folder()
    if not store.is_dir():
        return False
    lock = store / ".locks" / entry.name
    there = [path for path in (store / entry.name, _unfinished(store, entry)) if path.exists()]
    try:
        if there:
            lock.parent.mkdir(parents=True, exist_ok=True)
            with locked(lock, waiting=lambda: watcher().waiting(entry)):
                for path in there:
                    shutil.rmtree(path)
    except FileNotFoundError:
        return True  # another process removed it meanwhile
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be removed ({error.strerror})") from None
    return bool(there)


def _unfinished(store: Path, entry: Entry) -> Path:
    """Where a pull collects its files; what is left there by one that broke off is used by the next."""
    return store / f".{entry.name}.part"


def _pull_locked(entry: Entry, sources: Sequence[Source], store: Path, progress: Progress | None) -> Path:
    told = watcher()
    part = _unfinished(store, entry)
    part.mkdir(exist_ok=True)
    begun = (file.name + UNFINISHED for file in entry.files)
    _clear(part, {file.name for file in entry.files}.union(*((name, name + NOTE) for name in begun)))
    _check_space(entry, sources, part)

    def report(done: int, total: int) -> None:
        total = max(total or entry.size, done)
        told.progress(entry, done, total)
        if progress is not None:
            progress(done, total)

    told.started(entry)
    done = False
    try:
        source, sums = _from_any(entry, sources, part, report)
        _clear(part, {file.name for file in entry.files})
        Manifest(sums, str(source)).write(part, entry)
        _put_in_place(part, store / entry.name)
        done = True
    finally:
        told.finished(entry, done)
    return store / entry.name


def _check_space(entry: Entry, sources: Sequence[Source], part: Path) -> None:
    archive = max((source.size for source in sources if isinstance(source, PackageSource)), default=0)
    there = sum(path.stat().st_size for path in part.iterdir() if path.is_file())
    needed = entry.size + archive - min(there, entry.size) + MARGIN
    if shutil.disk_usage(part).free < needed:
        raise no_space(part.parent, needed)


def _from_any(
    entry: Entry, sources: Sequence[Source], part: Path, report: Progress
) -> tuple[Source, dict[str, tuple[int, str]]]:
    """The source that gave the files, and their sizes and sums. Raises ModelError if none does."""
    failures = []
    for source in sources:
        try:
            sums = _sums(entry, part)
            missing = [file for file in entry.files if file.name not in sums]
            if missing:
                _bring(source, missing, part, report)
                sums = _sums(entry, part)
            for file in entry.files:
                if file.name not in sums:
                    raise SourceError(f"{file.name} has the wrong sum: it is not the file that was asked for")
            return source, sums
        except SourceError as error:
            failures.append(f"{source}: {error}")
            if len(sources) > len(failures):
                watcher().source_failed(entry, failures[-1])
    raise ModelError(f"{entry.name} ({megabytes(entry.size)}) cannot be pulled: {'; '.join(failures)}")


def _sums(entry: Entry, part: Path) -> dict[str, tuple[int, str]]:
    """Name to size and sum of the files that are there and right; those that are wrong are removed."""
    found = {}
    for file in entry.files:
        path = part / file.name
        if not path.is_file():
            continue
        size, sha256 = path.stat().st_size, file_sha256(path)
        if file.sha256 and file.sha256 != sha256:
            path.unlink()
        else:
            found[file.name] = (size, sha256)
    return found


def _bring(source: Source, files: Sequence[File], part: Path, report: Progress) -> None:
    match source:
        case PackageSource():
            pull_package(source, files, part, report)
        case LocalSource():
            take_local(source, files, part)
        case HubSource():
            pull_hub(source, files, part, report)
        case UrlSource():
            pull_urls(source, files, part, report)


def _clear(part: Path, wanted: set[str]) -> None:
    """Removes what pulls that broke off left beside the model's files."""
    for path in sorted(part.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink():
            with contextlib.suppress(OSError):
                path.rmdir()  # unless a wanted file is in it
        elif path.relative_to(part).as_posix() not in wanted:
            path.unlink()


def _put_in_place(part: Path, target: Path) -> None:
    """Files to disk, then one rename; a damaged model that is in the way is moved aside first."""
    for path in part.rglob("*"):
        if path.is_file():
            with contextlib.suppress(PermissionError), path.open("r+b") as file:  # a cache may be read-only
                os.fsync(file.fileno())
    if target.exists():
        aside = target.with_name(f".{target.name}.old")
        shutil.rmtree(aside, ignore_errors=True)
        os.replace(target, aside)
        shutil.rmtree(aside, ignore_errors=True)
    os.replace(part, target)
    with contextlib.suppress(OSError):  # not every system opens folders
        handle = os.open(target.parent, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)
