"""Completing the record of a session that was cut off: by a kill, a crash, or a machine that lost its power."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from duplex.audio_files.wav_writer import repair_header
from duplex.session_record.exports import EVENTS, EXPORTS, TIMELINE, write_exports
from duplex.session_record.record_files import lock, recorded
from duplex.session_record.session_log import read_log
from duplex.streaming.errors import DuplexError, InputError, OutputError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Recovery:
    """What was done to a record. cut_off: its log breaks off. written: exports that were made. repaired: names of sound
    files whose header was put right, and the seconds that came to light. notes: what could not be repaired."""

    folder: Path
    duration: float
    turns: int
    replies: int
    cut_off: bool
    written: tuple[str, ...]
    repaired: tuple[tuple[str, float], ...]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        held = [f"{self.duration:.1f} s", _count(self.turns, "turn", "turns"), _count(self.replies, "reply", "replies")]
        done = [f"repaired {name} (+{seconds:.1f} s)" for name, seconds in self.repaired]
        done += [f"wrote {', '.join(self.written)}"] if self.written else []
        how = "the log breaks off" if self.cut_off else "the log is complete"
        return f"{self.folder}: {', '.join(held)}; {how}; {'; '.join([*done, *self.notes]) or 'nothing to do'}"


def is_record(folder: str | os.PathLike[str]) -> bool:
    """Whether the folder holds a session's record, complete or not."""
    return (Path(folder) / EVENTS).is_file()


def recover(folder: str | os.PathLike[str], *, timeline: bool = True, again: bool = False) -> Recovery:
    """Makes the transcripts, the speaker turns, the summary and the picture from the log, where one of them is missing
    or older than the log, and puts the headers of the sound files right.

    timeline: the picture too. again: make everything, even if it is there. Takes seconds for an hour's session: in
    async code, call it on a thread. Raises InputError if the folder is not a record, if its log cannot be read, or if
    it is being recorded now; OutputError if something cannot be written.
    """
    folder = Path(folder)
    if not is_record(folder):
        what = "is not a session's record: it has no events.jsonl" if folder.is_dir() else "there is no such folder"
        raise InputError(f"{folder}: {what}")
    with _idle(folder):
        repaired, notes = _repair_sound(folder)
        session = read_log(folder / EVENTS)
        written: list[str] = []
        if again or repaired or _unfinished(folder, timeline):
            before = {name: _stamp(folder / name) for name in EXPORTS}
            try:
                write_exports(folder, timeline=timeline)
            except DuplexError:
                if not (timeline and not (folder / TIMELINE).exists() and not _unfinished(folder, timeline=False)):
                    raise
                notes.append("the picture cannot be drawn")
            written = [name for name in EXPORTS if _stamp(folder / name) not in (None, before[name])]
    turns = sum(turn.kind == "turn" for turn in session.turns)
    return Recovery(
        folder, session.duration, turns, len(session.replies), not session.ended, tuple(written), repaired, tuple(notes)
    )


def recover_all(folder: str | os.PathLike[str], *, timeline: bool = False) -> list[Recovery]:
    """Every unfinished record directly below a folder, as a server does when it starts. What cannot be recovered is
    logged and left as it is. Returns what was done."""
    done = []
    for each in records_below(folder):
        if not _unfinished(each, timeline):
            continue
        try:
            done.append(recover(each, timeline=timeline))
            log.info("recovered %s", done[-1])
        except DuplexError as error:
            log.warning("not recovered: %s", error)
    return done


def records_below(folder: str | os.PathLike[str]) -> list[Path]:
    """The records directly below a folder, by name. Symbolic links are passed over."""
    try:
        entries = sorted(Path(folder).iterdir())
    except OSError:
        return []
    return [entry for entry in entries if not entry.is_symlink() and is_record(entry)]


def _unfinished(folder: Path, timeline: bool) -> bool:
    """An export is missing or older than the log."""
    log_written = _stamp(folder / EVENTS)
    stamps = [_stamp(folder / name) for name in EXPORTS if timeline or name != TIMELINE]
    return any(stamp is None or log_written is None or stamp < log_written for stamp in stamps)


def _repair_sound(folder: Path) -> tuple[tuple[tuple[str, float], ...], list[str]]:
    repaired, notes = [], []
    for name in recorded(folder):
        path = folder / name
        if name == EVENTS or not path.exists():
            continue
        try:
            seconds = repair_header(path)
        except OutputError as error:
            notes.append(f"{name} {str(error).partition(': ')[2]}")
            continue
        if seconds:
            repaired.append((name, seconds))
    return tuple(repaired), notes


@contextlib.contextmanager
def _idle(folder: Path) -> Iterator[None]:
    """Nobody records into the folder, and nobody begins to recover it meanwhile."""
    try:
        file = os.open(folder / EVENTS, os.O_RDONLY)
    except OSError as error:
        raise InputError(f"{folder / EVENTS}: the event log cannot be read ({error.strerror})") from None
    try:
        if not lock(file):
            raise InputError(f"{folder}: is being recorded at this moment; recover it when the session is over")
        yield
    finally:
        os.close(file)


def _stamp(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"
