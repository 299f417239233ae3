"""The file of notes: what is kept, replaced, deleted, and what a broken file does."""

from __future__ import annotations

import os
import sqlite3
import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from duplex.models.interaction.memory import notes as module
from duplex.models.interaction.memory.notes import Notes, notes_file
from duplex.streaming.errors import InputError, OutputError

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def notes(tmp_path):
    kept = Notes(tmp_path / "notes.sqlite")
    yield kept
    kept.close()


def test_notes_outlive_the_object_and_belong_to_a_person(tmp_path):
    first = Notes(tmp_path / "n.sqlite")
    first.add("ann", "the key is under the mat", NOON)
    first.add("ben", "my name is Ben", NOON)
    first.close()
    second = Notes(tmp_path / "n.sqlite")
    (note,) = second.of("ann")
    assert (note.text, note.said_at) == ("the key is under the mat", NOON)
    assert [each.person for each in second.all()] == ["ann", "ben"]
    second.close()


def test_a_note_replaces_the_same_words_and_the_same_subject(notes):
    notes.add("ann", "My name is Ann.", NOON, "name")
    notes.add("ann", "the bins go out on Monday", NOON)
    notes.add("ann", "The bins go out on monday!", NOON + timedelta(days=1))
    notes.add("ann", "call me Annie", NOON + timedelta(days=2), "name")
    assert [note.text for note in notes.of("ann")] == ["The bins go out on monday!", "call me Annie"]


def test_what_is_deleted_is_gone_from_the_file(tmp_path):
    notes = Notes(tmp_path / "n.sqlite")
    secret = "the code of the gate is zebra seven"
    number = notes.add("ann", secret, NOON)
    assert b"zebra" in (tmp_path / "n.sqlite").read_bytes()
    assert notes.delete([number, 999]) == 1
    notes.close()
    assert b"zebra" not in (tmp_path / "n.sqlite").read_bytes()


def test_a_person_has_so_many_notes_and_the_oldest_go(notes, monkeypatch):
    monkeypatch.setattr(module, "MOST", 5)
    for number in range(9):
        notes.add("ann", f"fact {number}", NOON + timedelta(minutes=number))
    assert [note.text for note in notes.of("ann")] == [f"fact {number}" for number in range(4, 9)]


def test_nobody_else_may_read_the_file(tmp_path):
    Notes(tmp_path / "n.sqlite").close()
    assert (tmp_path / "n.sqlite").stat().st_mode & 0o077 == 0


def test_a_file_of_something_else_is_refused_and_left_as_it_is(tmp_path):
    other = tmp_path / "song.mp3"
    other.write_bytes(b"ID3 not a database " * 200)
    with pytest.raises(InputError, match=r"song\.mp3: is not a file of notes"):
        Notes(other)
    assert other.read_bytes().startswith(b"ID3 not")


def test_a_folder_is_refused(tmp_path):
    with pytest.raises(OutputError, match="notes cannot be kept there"):
        Notes(tmp_path)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError):
        Notes(tmp_path / "deep" / "notes.sqlite")


def test_a_file_that_another_process_holds_is_an_error_not_a_crash(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "WAIT", 0.05)
    notes = Notes(tmp_path / "n.sqlite")
    other = sqlite3.connect(tmp_path / "n.sqlite")
    other.execute("begin exclusive")
    with pytest.raises(OutputError, match="locked"):
        notes.add("ann", "anything", NOON)
    other.rollback()
    assert notes.add("ann", "anything", NOON)
    notes.close()
    other.close()


def test_many_threads_write_at_once(notes):
    def write(start: int) -> None:
        for number in range(20):
            notes.add("ann", f"note {start + number}", NOON)

    threads = [threading.Thread(target=write, args=(start,)) for start in range(0, 100, 20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(notes.of("ann")) == 100


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=600))
def test_any_text_is_kept_on_one_line_or_is_nothing(notes, text):
    notes.delete([note.id for note in notes.all()])
    number = notes.add("ann", text, NOON)
    texts = [note.text for note in notes.of("ann")]
    assert texts == ([" ".join(text.split())[: module.LONGEST]] if number is not None else [])


def test_the_file_of_the_user_lies_in_the_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert notes_file() == tmp_path / "duplex" / "notes.sqlite"
    monkeypatch.setenv("XDG_DATA_HOME", "relative")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert notes_file() == tmp_path / "home" / ".local" / "share" / "duplex" / "notes.sqlite"
