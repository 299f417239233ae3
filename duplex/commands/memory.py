"""`duplex memory`: what is remembered about people across sessions; all of it can be read, exported and deleted."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.streaming.errors import InputError

if TYPE_CHECKING:
    from duplex.models.interaction.memory.notes import Kept, Notes


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "memory",
        help="show, export and delete what the assistant remembers across sessions",
        description="`duplex mic` and `duplex chat` keep what they are asked to remember, and what people tell of "
        "themselves, in one file on this machine.",
    )
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--memory", metavar="FILE", help="the file of notes, if it is another than the user's own")
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    actions.add_parser("list", parents=[common, shared], help="every note, with its number and date")
    export = actions.add_parser("export", parents=[common, shared], help="every note as JSON")
    export.add_argument("-o", "--out", metavar="FILE", help="write it here (default: to the terminal)")
    forget = actions.add_parser("forget", parents=[common, shared], help="delete notes, for good")
    which = forget.add_mutually_exclusive_group(required=True)
    which.add_argument("numbers", metavar="NUMBER", nargs="*", type=int, default=[])
    which.add_argument("--all", action="store_true", help="all of them")
    actions.add_parser("where", parents=[common, shared], help="the file of notes")
    return parser


def run(args: argparse.Namespace) -> int:
    from duplex.models.interaction.memory.notes import Notes, notes_file

    path = Path(args.memory).expanduser() if args.memory else notes_file()
    if args.action == "where":
        print(path)
        return 0
    if not path.exists():
        if args.memory:
            raise InputError(f"{path}: there is no such file of notes")
        return _show([]) if args.action != "forget" else _forget(None, args.numbers)
    notes = Notes(path)
    try:
        match args.action:
            case "list":
                return _show(notes.all())
            case "export":
                return _export(notes.all(), args.out)
            case _:
                return _forget(notes, [note.id for note in notes.all()] if args.all else args.numbers)
    finally:
        notes.close()


def _show(notes: list[Kept]) -> int:
    if not notes:
        print("Nothing is remembered.")
    for note in notes:
        print(f"{note.id:>5}  {note.said_at.astimezone():%Y-%m-%d %H:%M}  {note.person}: {note.text}")
    return 0


def _export(notes: list[Kept], out: str | None) -> int:
    rows = [{"person": note.person, "text": note.text, "said_at": note.said_at.isoformat()} for note in notes]
    text = json.dumps(rows, ensure_ascii=False, indent=2)
    if out is None:
        print(text)
    else:
        Path(out).write_text(f"{text}\n", encoding="utf-8")
    return 0


def _forget(notes: Notes | None, numbers: list[int]) -> int:
    known = {note.id for note in notes.all()} if notes is not None else set()
    if unknown := [str(number) for number in numbers if number not in known]:
        raise InputError(f"no note has the number {', '.join(unknown)}: see `duplex memory list`")
    gone = notes.delete(numbers) if notes is not None else 0
    print(f"{gone} deleted", file=sys.stderr)
    return 0
