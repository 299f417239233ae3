"""What became of every file: the report that `restore` returns, and the journal that a later run resumes by."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from duplex.audio_files.atomic_write import write_whole
from duplex.streaming.errors import OutputError

JOURNAL = ".duplex-restore.jsonl"
REPORT = "restore-report.json"

_NAMES = "backslashreplace"
"""File names need not be UTF-8; Python's stand-ins for such bytes become JSON's own escapes."""


@dataclass(slots=True)
class FileResult:
    """One file of a run.

    Attributes:
        source, target: paths; the target's suffix tells if another container had to be taken (see `notes`).
        status: "restored", "skipped" (an earlier run's result stands, with its figures) or "failed" (see `error`).
        seconds, sample_rate, channels, container, subtype: of the source's sound, which the result keeps.
        elapsed: seconds that restoration took. speed: seconds of sound per second.
        clipped: samples of the result that were beyond full scale.
        before, after: non-intrusive measures (measures.py) of the source and of the result as written.
        reference: {"before": …, "after": …} against the clean recording (metrics.py), if one was given.
        notes: what a user should know of this file, a sentence each.
        worker: where it was done on a cluster.
    """

    source: str
    target: str
    relative: str
    status: Literal["restored", "skipped", "failed"]
    error: str | None = None
    seconds: float = 0.0
    sample_rate: int = 0
    channels: int = 0
    container: str = ""
    subtype: str = ""
    elapsed: float = 0.0
    clipped: int = 0
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reference: dict[str, Any] | None = None
    spectrogram: str | None = None
    notes: list[str] = field(default_factory=list)
    worker: str | None = None

    @property
    def speed(self) -> float:
        return self.seconds / self.elapsed if self.elapsed > 0 else 0.0

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "speed": round(self.speed, 2)}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FileResult:
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in values.items() if name in names})


class Report(Sequence[FileResult]):
    """The results of one run, in the order of the inputs."""

    def __init__(
        self, files: list[FileResult], *, settings: dict[str, Any], elapsed: float, complete: bool = True
    ) -> None:
        """elapsed: of the whole run, in seconds. complete: False for a run that was interrupted."""
        self.files = files
        self.settings = settings
        self.elapsed = elapsed
        self.complete = complete

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, at):
        return self.files[at]

    def __iter__(self) -> Iterator[FileResult]:
        return iter(self.files)

    @property
    def restored(self) -> list[FileResult]:
        return [each for each in self.files if each.status == "restored"]

    @property
    def skipped(self) -> list[FileResult]:
        return [each for each in self.files if each.status == "skipped"]

    @property
    def failed(self) -> list[FileResult]:
        return [each for each in self.files if each.status == "failed"]

    def as_dict(self) -> dict[str, Any]:
        from importlib.metadata import version

        seconds = sum(each.seconds for each in self.restored)
        return {
            "duplex": version("duplex"),
            "complete": self.complete,
            "settings": self.settings,
            "totals": {
                "files": len(self.files),
                "restored": len(self.restored),
                "skipped": len(self.skipped),
                "failed": len(self.failed),
                "seconds": round(seconds, 3),
                "elapsed": round(self.elapsed, 3),
                "speed": round(seconds / self.elapsed, 2) if self.elapsed > 0 else 0.0,
            },
            "mean": self.mean(),
            "files": [each.as_dict() for each in self.files],
        }

    def mean(self) -> dict[str, dict[str, float]]:
        """Means over the files of every figure that all its values are numbers for: {"before": {…}, "after": {…}}."""
        means: dict[str, dict[str, float]] = {}
        for side in ("before", "after"):
            rows = [
                {**(getattr(each, side) or {}), **((each.reference or {}).get(side) or {})}
                for each in self.files
                if each.status != "failed"
            ]
            names = sorted({name for row in rows for name in row})
            values = {name: [row[name] for row in rows if isinstance(row.get(name), int | float)] for name in names}
            means[side] = {name: round(sum(found) / len(found), 4) for name, found in values.items() if found}
        return means

    def write(self, path: str | os.PathLike[str]) -> None:
        """As JSON, whole or not at all. Raises OutputError."""
        write_whole(Path(path), json.dumps(self.as_dict(), indent=1, ensure_ascii=False, allow_nan=False))


class Journal:
    """What earlier runs into a folder have done, and this one as it goes: one line a file, kept through a crash.

    A result counts as done if its source has the size and time it had, the settings are the same, and the result is
    the file that was written then. A context manager: it holds the folder against a second run at the same time.
    """

    def __init__(self, root: Path | None, settings: dict[str, Any]) -> None:
        """root: the results' folder; None keeps nothing (a single result has no folder of its own)."""
        self._settings = settings
        self._path = root / JOURNAL if root else None
        self._file: Any = None
        self._lines: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> Journal:
        if self._path is None:
            return self
        try:
            self._file = self._path.open("a+", encoding="utf-8", errors=_NAMES)
        except OSError as error:
            raise OutputError(f"{self._path.parent}: cannot be written to ({error.strerror})") from error
        _lock(self._file, self._path.parent)
        self._file.seek(0)
        text = self._file.read()
        for line in text.splitlines():
            try:
                entry = json.loads(line)
                self._lines[entry["result"]["relative"]] = entry
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a run that was cut off
        if text and not text.endswith("\n"):
            self._file.write("\n")
        return self

    def __exit__(self, *exc: object) -> None:
        if self._file is not None:
            self._file.close()

    def done(self, source: str, relative: str) -> FileResult | None:
        """The earlier result for this source, if it still holds."""
        entry = self._lines.get(relative)
        if entry is None or entry["settings"] != self._settings or entry["source"] != _identity(source):
            return None
        result = FileResult.from_dict(entry["result"])
        return result if entry["target"] == _identity(result.target) else None

    def own(self, source: str, relative: str) -> str | None:
        """The file that an earlier run made of this very source, if it is untouched since: a new one may replace it."""
        entry = self._lines.get(relative)
        if entry is None or entry["target"] != _identity(entry["result"]["target"]):
            return None
        same = Path(entry["result"]["source"]).absolute() == Path(source).absolute()
        return entry["result"]["target"] if same else None

    def add(self, result: FileResult, written: str) -> None:
        """written: where the result is at this moment; moving it to its place does not change what is noted."""
        entry = {
            "source": _identity(result.source),
            "target": _identity(written),
            "settings": self._settings,
            "result": result.as_dict(),
        }
        self._lines[result.relative] = entry
        if self._file is None:
            return
        try:
            self._file.write(json.dumps(entry, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise OutputError(f"{self._path}: cannot be written to ({error.strerror})") from error


def _identity(path: str) -> list[int] | None:
    try:
        status = os.stat(path)
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def _lock(file: Any, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # only where there is no such lock
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise OutputError(f"{folder}: another run is writing its results there; wait for it to end") from None
    except OSError:
        return  # file systems without locks
