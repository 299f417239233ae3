"""Who is told of pulls. A library user gets log records; a command puts a progress bar in their place."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator

from duplex.models.store.entry import Entry, megabytes

Progress = Callable[[int, int], None]
"""(bytes done, bytes in all), in the thread that pulls. What is in all may be an estimate that is mended on the way."""

log = logging.getLogger("duplex.models.store")


class Watcher:
    """Told of every pull of this process, in the thread that pulls. This one writes log records."""

    def waiting(self, entry: Entry) -> None:
        """Another process is pulling this model; this one waits for it."""
        log.info("waiting for another process that pulls %s", entry.name)

    def started(self, entry: Entry) -> None:
        log.info("pulling %s (%s, %s)", entry.name, megabytes(entry.size), entry.licence)

    def progress(self, entry: Entry, done: int, total: int) -> None:
        """Bytes done, and bytes in all. May be called hundreds of times a second."""

    def source_failed(self, entry: Entry, why: str) -> None:
        """One of several sources failed; the next one is tried."""
        log.warning("%s: %s", entry.name, why)

    def finished(self, entry: Entry, done: bool) -> None:
        """done: whether it is there now."""
        log.info("%s is %s", entry.name, "there" if done else "not there")


_watcher = Watcher()


def watcher() -> Watcher:
    return _watcher


def watch(other: Watcher) -> None:
    """From now on, `other` is told of the pulls of all threads of this process."""
    global _watcher
    _watcher = other


@contextlib.contextmanager
def watched_by(other: Watcher) -> Iterator[None]:
    """Within, `other` is told of the pulls of all threads of this process."""
    before = _watcher
    watch(other)
    try:
        yield
    finally:
        watch(before)
