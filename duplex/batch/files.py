"""Many recordings, one after the other or in several processes: found, named, worked on, none costing another.

The commands that turn recordings into texts share this: files, folders and standard input in, results in the order of
the inputs out.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duplex.audio_files.atomic_write import check_writable, fitting_name
from duplex.batch.restore.plan import find_recordings
from duplex.streaming.errors import DuplexError, InputError, OutputError

STDIN = "-"

_LONGEST_SUFFIX = 6
"""Bytes kept free in a result's name for its suffix."""


@dataclass(frozen=True, slots=True)
class Source:
    """A recording to work on. name: what its results are called, with "/" where a folder is mirrored."""

    path: Path
    name: str


@contextlib.contextmanager
def sources(inputs: Sequence[str]) -> Iterator[tuple[list[Source], list[str]]]:
    """Yields what is to be worked on, in the order given, and a line for each input in which there is nothing.

    "-" is standard input, kept in a temporary file meanwhile. What folders and names have in common is taken once.
    Raises InputError.
    """
    with contextlib.ExitStack() as stack:
        named = [stack.enter_context(_standard_input()) if each == STDIN else Path(each) for each in inputs]
        failures: list[tuple[str, str]] = []
        found: list[Source] = []
        names: set[str] = set()
        seen: set[Path] = set()
        for path, relative in find_recordings(named, failures):
            real = path.resolve()
            if relative is None or (real in seen and path not in named):
                continue
            seen.add(real)
            name = _unique(relative.with_suffix("").as_posix(), names)
            found.append(Source(path, name))
        yield found, [f"{name}: {why}" for name, why in failures]


@contextlib.contextmanager
def _standard_input() -> Iterator[Path]:
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("standard input: there is no recording; pipe one in, as in `… | duplex transcribe -`")
    with tempfile.TemporaryDirectory(prefix="duplex-") as folder:
        path = Path(folder, "stdin")
        with path.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        yield path


def _unique(name: str, taken: set[str]) -> str:
    """The name, numbered where a result of that name is there already, also on file systems that ignore case."""
    folder, _, stem = name.rpartition("/")
    number = 1
    while True:
        end = "" if number == 1 else f"-{number}"
        fitted = fitting_name(stem, end + "x" * _LONGEST_SUFFIX)[:-_LONGEST_SUFFIX]
        candidate = f"{folder}/{fitted}" if folder else fitted
        if candidate.casefold() not in taken:
            taken.add(candidate.casefold())
            return candidate
        number += 1


def check_targets(targets: Sequence[Path], recordings: Sequence[Source]) -> None:
    """Raises OutputError, before any work, for a result that cannot be written or that would replace a recording."""
    read = {source.path.resolve() for source in recordings}
    for target in targets:
        if target.resolve() in read:
            raise OutputError(f"{target}: the result would replace a recording; choose another name")
        if target.is_dir():
            raise OutputError(f"{target}: is a folder")
    for target in {target.parent: target for target in targets}.values():
        check_writable(target)


def work(
    recordings: Sequence[Source],
    function: Callable[..., Any],
    arguments: dict[str, Any],
    jobs: int,
    begin: Callable[[], None] | None = None,
) -> Iterator[tuple[Source, Any]]:
    """Yields each recording with `function(path, **arguments)` or the error that it raised, in order.

    jobs: processes; 1 works in this one. A process that dies costs the recording it was at. begin: called in each other
    process before its first recording.
    """
    if jobs == 1 or len(recordings) < 2:
        for source in recordings:
            yield source, _caught(function, str(source.path), arguments)
        return
    pool = _pool(min(jobs, len(recordings)), begin)
    try:
        futures: list[Future[Any]] = [pool.submit(_caught, function, str(each.path), arguments) for each in recordings]
        for source, future in zip(recordings, futures, strict=True):
            try:
                yield source, future.result()
            except BrokenProcessPool:  # nobody knows at which: each that is left is tried by itself
                yield source, _alone(function, source, arguments, begin)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _alone(
    function: Callable[..., Any], source: Source, arguments: dict[str, Any], begin: Callable[[], None] | None
) -> Any:
    with _pool(1, begin) as pool:
        try:
            return pool.submit(_caught, function, str(source.path), arguments).result()
        except BrokenProcessPool:
            return InputError(f"{source.path}: its worker process died; was there too little memory?")


def _pool(workers: int, begin: Callable[[], None] | None) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"), initializer=begin)


def _caught(function: Callable[..., Any], path: str, arguments: dict[str, Any]) -> Any:
    try:
        return function(path, **arguments)
    except DuplexError as error:
        return error
    except MemoryError:
        return InputError(f"{path}: not enough memory")
    except OSError as error:
        return InputError(f"{path}: {error.strerror or error}")
    except Exception as error:
        return InputError(f"{path}: {type(error).__name__}: {' '.join(str(error).split())}")


def cpus() -> int:
    """Processors that this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
