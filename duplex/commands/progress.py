"""Progress of a restoration run in the terminal: a bar for each file at work and one for all, with their speed."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from duplex.batch.restore.plan import Item
from duplex.batch.restore.report import FileResult, Report
from duplex.batch.restore.restore_file import Progress as FileProgress
from duplex.batch.restore.run import Watcher

_SHOWN = {
    "pesq": "PESQ-WB",
    "estoi": "ESTOI",
    "si_sdr": "SI-SDR, dB",
    "lsd": "log-spectral distance, dB",
    "wada_snr_db": "SNR by WADA, dB",
    "noise_floor_dbfs": "noise floor, dBFS",
    "speech_level_dbov": "speech level, dBov",
    "loudness_lufs": "loudness, LUFS",
    "bandwidth_hz": "bandwidth, Hz",
}


class Bars(Watcher):
    """A context manager. Results go to standard output, failures and notes, a line each, to standard error."""

    def __init__(self, *, quiet: bool = False) -> None:
        self._out = Console(quiet=quiet, highlight=False, soft_wrap=True)
        self._err = Console(stderr=True, highlight=False, soft_wrap=True)
        self._quiet = quiet
        live = self._err.is_terminal and not quiet
        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
        self._files = Progress(
            *columns,
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(compact=True),
            console=self._err,
            transient=True,
            disable=not live,
        )
        self._tasks: dict[str, Any] = {}
        self._begun: dict[str, float] = {}
        self._sizes: dict[str, int] = {}
        self._seconds: dict[str, float] = {}
        self._bytes = 0.0
        self._count = 0
        self._total: Any = None
        self._start = time.monotonic()

    def __enter__(self) -> Bars:
        self._files.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._files.stop()

    def planned(self, items: Sequence[Item]) -> None:
        self._sizes = {item.source: _size(item.source) for item in items}
        self._count = len(items)
        self._start = time.monotonic()
        if items:
            self._total = self._files.add_task(self._label(0), total=max(1, sum(self._sizes.values())), speed="")

    def progress(self, item: Item, progress: FileProgress) -> None:
        now = time.monotonic()
        if item.source not in self._tasks:
            name = escape(_short(item.relative))
            self._tasks[item.source] = self._files.add_task(name, total=progress.total, speed="")
            self._begun[item.source] = now
        self._seconds[item.source] = progress.done
        spent = now - self._begun[item.source]
        speed = _times(progress.done / spent) if spent > 0.2 else ""
        self._files.update(self._tasks[item.source], completed=progress.done, total=progress.total, speed=speed)
        self._update(now)

    def finished(self, result: FileResult) -> None:
        task = self._tasks.pop(result.source, None)
        if task is not None:
            self._files.remove_task(task)
        if result.status == "failed":
            self._err.print(f"[red]failed[/]  {_line(result.error or '')}")
        elif result.status == "restored":
            self._seconds[result.source] = result.seconds
            if not self._quiet:
                for note in result.notes:
                    self._err.print(f"[yellow]note[/]    {_line(f'{result.relative}: {note}')}")
        if result.source in self._sizes:
            self._bytes += self._sizes.pop(result.source)
            self._update(time.monotonic())

    def summary(self, report: Report) -> None:
        """What came of it all, and the means of the figures that say most."""
        self._files.stop()
        counts = [f"{len(report.restored)} restored"]
        counts += [f"{len(report.skipped)} skipped"] if report.skipped else []
        counts += [f"[red]{len(report.failed)} failed[/]"] if report.failed else []
        seconds = sum(result.seconds for result in report.restored)
        speed = f" · {_clock(seconds)} of sound in {_clock(report.elapsed)}, {_times(seconds / report.elapsed)}"
        self._out.print(", ".join(counts) + (speed if seconds else ""))
        means = report.mean()
        table = Table("mean", box=None, pad_edge=False)
        for side in ("before", "after"):
            table.add_column(side, justify="right")
        for name, label in _SHOWN.items():
            if name in means["before"] and name in means["after"]:
                digits = 3 if name in ("pesq", "estoi") else 0 if name == "bandwidth_hz" else 1
                table.add_row(label, f"{means['before'][name]:.{digits}f}", f"{means['after'][name]:.{digits}f}")
        if table.row_count and (report.restored or report.skipped):
            self._out.print(table)

    def _update(self, now: float) -> None:
        if self._total is None:
            return
        done = self._bytes
        for source, task in self._tasks.items():
            at = self._files.tasks[self._files.task_ids.index(task)]
            done += self._sizes.get(source, 0) * (min(1.0, at.completed / at.total) if at.total else 0.0)
        spent = now - self._start
        speed = _times(sum(self._seconds.values()) / spent) if spent > 0.2 else ""
        self._files.update(
            self._total, completed=done, speed=speed, description=self._label(self._count - len(self._sizes))
        )

    def _label(self, done: int) -> str:
        return f"[bold]{done} of {self._count} files[/]"


def _times(speed: float) -> str:
    return f"{speed:.1f} × real time" if speed < 10 else f"{speed:.0f} × real time"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    if minutes < 1:
        return f"{rest:.1f} s"
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02.0f} s"


def _line(text: str) -> str:
    return escape(" ".join(text.split()))


def _short(name: str, width: int = 40) -> str:
    return name if len(name) <= width else "…" + name[1 - width :]


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
