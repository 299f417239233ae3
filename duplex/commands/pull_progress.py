"""What a command shows of a model that it pulls: one line, and a bar on a terminal."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING

from duplex.models.store import Entry, Watcher, megabytes, watch, watched_by

if TYPE_CHECKING:  # every command is watched, and most pull nothing
    from rich.console import Console
    from rich.progress import Progress, TaskID

REDRAW = 0.1
"""Seconds between two updates of a bar."""


@contextlib.contextmanager
def pulls_shown() -> Iterator[None]:
    """Within, models that this process pulls are announced on standard error, with a bar if it is a terminal."""
    with watched_by(_Shown()):
        yield


def announce_pulls() -> None:
    """In a worker process: a line for each model that it pulls. There is no bar, since the terminal is the parent's,
    and nothing of other workers that wait for the same model."""
    watch(_Announced())


class _Announced(Watcher):
    def started(self, entry: Entry) -> None:
        print(_line(entry), file=sys.stderr)


def _line(entry: Entry) -> str:
    return f"pulling {entry.name} ({megabytes(entry.size)}, {entry.licence}) …"


class _Shown(Watcher):
    """Pulls may overlap, in several threads: the bars share one display, which is there only as long as they are."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._display: Progress | None = None
        self._bars: dict[str, TaskID] = {}
        self._drawn: dict[str, float] = {}

    @cached_property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(stderr=True, highlight=False, markup=False, soft_wrap=True)

    def waiting(self, entry: Entry) -> None:
        self._say(f"another program is pulling {entry.name}: waiting for it")

    def started(self, entry: Entry) -> None:
        self._say(_line(entry))
        if not self._console.is_terminal:
            return
        from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

        with self._lock:
            if self._display is None:
                columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(compact=True))
                self._display = Progress(*columns, console=self._console, transient=True)
                self._display.start()
            self._bars[entry.name] = self._display.add_task(entry.name, total=None)

    def progress(self, entry: Entry, done: int, total: int) -> None:
        now = time.monotonic()
        with self._lock:
            if self._display is None or (done < total and now - self._drawn.get(entry.name, 0.0) < REDRAW):
                return
            self._drawn[entry.name] = now
            self._display.update(self._bars[entry.name], completed=done, total=total or None, refresh=done == total)

    def source_failed(self, entry: Entry, why: str) -> None:
        self._say(f"{why}; trying elsewhere")

    def finished(self, entry: Entry, done: bool) -> None:
        with self._lock:
            if self._display is None:
                return
            self._display.remove_task(self._bars.pop(entry.name))
            if not self._bars:
                self._display.stop()
                self._display = None

    def _say(self, line: str) -> None:
        self._console.print(line)
