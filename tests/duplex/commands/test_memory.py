"""`duplex memory`, and the notes that `duplex chat` keeps between two runs."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from duplex.cli import main
from duplex.models.interaction.memory.notes import Notes
from tests.duplex.commands.test_chat import chat

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def file(tmp_path):
    notes = Notes(tmp_path / "notes.sqlite")
    notes.add("user", "my bike is in the shed", NOON)
    notes.add("user", "my name is Änn", NOON, "name")
    notes.close()
    return str(tmp_path / "notes.sqlite")


def test_notes_are_listed_exported_and_deleted(file, tmp_path, capsys):
    assert main(["memory", "list", "--memory", file]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split(": ")[1] for line in listed] == ["my bike is in the shed", "my name is Änn"]
    assert main(["memory", "export", "--memory", file, "-o", str(tmp_path / "out.json")]) == 0
    exported = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert exported[1] == {"person": "user", "text": "my name is Änn", "said_at": "2026-11-22T12:00:00+00:00"}
    assert main(["memory", "forget", "--memory", file, "1"]) == 0
    assert main(["memory", "list", "--memory", file]) == 0
    assert "bike" not in capsys.readouterr().out
    assert main(["memory", "forget", "--memory", file, "--all"]) == 0
    assert main(["memory", "list", "--memory", file]) == 0
    assert capsys.readouterr().out.startswith("Nothing is remembered.")


def test_wrong_requests_are_one_line(file, tmp_path, capsys):
    assert main(["memory", "forget", "--memory", file, "77", "78"]) == 1
    assert capsys.readouterr().err == "duplex: no note has the number 77, 78: see `duplex memory list`\n"
    assert main(["memory", "list", "--memory", str(tmp_path / "none.sqlite")]) == 1
    assert "there is no such file of notes" in capsys.readouterr().err
    (tmp_path / "text.sqlite").write_text("hello " * 300)
    assert main(["memory", "list", "--memory", str(tmp_path / "text.sqlite")]) == 1
    assert "is not a file of notes" in capsys.readouterr().err


def test_nothing_is_made_by_looking(monkeypatch, tmp_path, capsys):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["memory", "list"]) == 0
    assert main(["memory", "where"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "duplex" / "notes.sqlite")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_what_chat_was_asked_to_remember_is_there_the_next_time(tmp_path):
    def talk(*argv: str, lines: str) -> list[str]:
        return chat(*argv, lines=lines, XDG_DATA_HOME=str(tmp_path)).stdout.splitlines()

    talk(lines="remember that my bike is in the shed\n")
    assert "my bike is in the shed" in talk(lines="where is my bike\n")[0]
    assert "shed" not in talk("--memory", "off", lines="where is my bike\n")[0]
    talk(lines="forget about my bike\n")
    assert "shed" not in talk(lines="where is my bike\n")[0]


def test_a_server_keeps_no_notes(tmp_path, capsys):
    assert main(["serve", "--memory", str(tmp_path / "n.sqlite")]) == 1
    assert "a server's callers are several" in capsys.readouterr().err
