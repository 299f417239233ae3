"""Notes: one SQLite file that outlives sessions and belongs to the user, who may read, export and delete all of it."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from duplex.models.interaction.skills.words import plain
from duplex.models.user_data import user_data
from duplex.streaming.errors import InputError, OutputError

MOST = 2000
"""Notes of one person; beyond it the oldest go."""

LONGEST = 400
"""Characters of a note."""

WAIT = 2.0
"""Seconds that one process waits for another which is writing."""

_SCHEMA = """
create table if not exists notes (
    id integer primary key autoincrement,
    person text not null,
    text text not null,
    subject text not null,
    said_at text not null
);
create index if not exists of_person on notes (person);
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A note as it lies in the file. subject: what it settles, so that a later note on the same replaces it; empty if
    it replaces nothing."""

    id: int
    person: str
    text: str
    subject: str
    said_at: datetime


class Notes:
    """The notes in a file, for any number of people, threads and processes.

    What is deleted is overwritten in the file. Raises InputError for a file that holds something else, OutputError
    where it cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()
        self._lock = threading.RLock()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            new = not self.path.exists()
            self._database = sqlite3.connect(self.path, timeout=WAIT, check_same_thread=False)
            if new:
                self.path.chmod(0o600)
            self._database.execute("pragma secure_delete = on")
            self._database.executescript(_SCHEMA)
        except (OSError, sqlite3.OperationalError) as error:
            raise OutputError(f"{self.path}: notes cannot be kept there: {_reason(error)}") from error
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path}: is not a file of notes: {_reason(error)}") from error

    def of(self, person: str) -> list[Kept]:
        """Everything that is kept for a person, oldest first."""
        return self._read("where person = ? order by said_at, id", person)

    def all(self) -> list[Kept]:
        """Every note in the file, by person, oldest first."""
        return self._read("order by person, said_at, id")

    def add(self, person: str, text: str, said_at: datetime, subject: str = "") -> int | None:
        """Keep a note; returns its id, or None for one that says nothing. One with the same words, or on the same
        subject, is replaced."""
        text = " ".join(text.split())[:LONGEST]
        if not text:
            return None
        moment = said_at.astimezone(UTC).isoformat()
        with self._writing() as database:
            for note in self.of(person):
                if plain(note.text) == plain(text) or (subject and note.subject == subject):
                    database.execute("delete from notes where id = ?", (note.id,))
            cursor = database.execute(
                "insert into notes (person, text, subject, said_at) values (?, ?, ?, ?)",
                (person, text, subject, moment),
            )
            database.execute(
                "delete from notes where person = ?1 and id not in"
                " (select id from notes where person = ?1 order by said_at desc, id desc limit ?2)",
                (person, MOST),
            )
        return cursor.lastrowid

    def delete(self, ids: Sequence[int]) -> int:
        """Delete notes for good; returns how many there were."""
        with self._writing() as database:
            return sum(database.execute("delete from notes where id = ?", (each,)).rowcount for each in ids)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    def _read(self, which: str, *values: str) -> list[Kept]:
        columns = "id, person, text, subject, said_at"
        try:
            with self._lock:
                rows = self._database.execute(f"select {columns} from notes {which}", values).fetchall()
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: {_reason(error)}") from error
        return [Kept(*row[:4], datetime.fromisoformat(row[4])) for row in rows]

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._lock, self._database:
                yield self._database
        except sqlite3.Error as error:
            raise OutputError(f"{self.path}: {_reason(error)}") from error


def notes_file() -> Path:
    """Where the user's own notes lie: duplex/notes.sqlite in the user's data folder."""
    return user_data("notes.sqlite")


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
