"""`duplex voices`: voices that are known by name in every recording and session."""

from __future__ import annotations

import argparse
import sys
from datetime import datetime
from typing import Any

from duplex.streaming.errors import InputError

DESCRIPTION = """\
`duplex voices add ann ann.wav` keeps what a voice sounds like on this machine; `--speaker ann` (or the setting
`speakers`) of diarize, transcribe, translate, run, mic and serve then names it, and `--speaker all` all that are kept.
Who is not like any of them stays "speaker 1", "speaker 2", …"""


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "voices",
        help="keep, list and remove the voices that are known by name",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[common], help="keep a voice")
    add.add_argument("name", metavar="NAME", help="what the person is called")
    add.add_argument("files", metavar="FILE", nargs="+", help="recordings in which that person alone speaks")
    actions.add_parser("list", parents=[common], help="every voice that is kept")
    remove = actions.add_parser("remove", parents=[common], help="delete voices, for good")
    which = remove.add_mutually_exclusive_group(required=True)
    which.add_argument("names", metavar="NAME", nargs="*", default=[])
    which.add_argument("--all", action="store_true", help="all of them")
    return parser


def run(args: argparse.Namespace) -> int:
    match args.action:
        case "add":
            return _add(args.name.strip(), args.files)
        case "list":
            return _list()
        case _:
            return _remove(args.names, every=args.all)


def _add(name: str, files: list[str]) -> int:
    from duplex.batch.voices import add_voice

    seconds = add_voice(name, files)
    print(f"the voice of {name} is kept, {seconds:.1f} s of clear speech: `--speaker {name}` names it", file=sys.stderr)
    return 0


def _list() -> int:
    import soundfile

    from duplex.models.diarization.kept_voices import kept_voices

    kept = kept_voices()
    if not kept:
        print("No voice is kept.")
    for name, path in kept.items():
        since = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
        print(f"{name:<20}  {since:%Y-%m-%d %H:%M}  {soundfile.info(path).duration:5.1f} s  {path}")
    return 0


def _remove(names: list[str], *, every: bool) -> int:
    from duplex.batch.voices import remove_voice
    from duplex.models.diarization.kept_voices import kept_voices

    kept = kept_voices()
    if unknown := [name for name in names if name not in kept]:
        raise InputError(f"no voice called {', '.join(unknown)} is kept: see `duplex voices list`")
    gone = [remove_voice(name) for name in dict.fromkeys(kept if every else names)]
    print(f"{len(gone)} deleted", file=sys.stderr)
    return 0
