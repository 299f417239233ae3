"""`duplex models`: which models there are, what is here, what each costs; pull and remove them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from duplex.streaming.errors import InputError, ModelError


def add_parser(subparsers: Any, common: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = subparsers.add_parser(
        "models",
        help="list, pull and remove models",
        description="Models are pulled at their first use; this does it beforehand, and shows what is here. They are "
        "kept in the folder that DUPLEX_MODELS names (default: in the user's cache); DUPLEX_OFFLINE=1 forbids pulling.",
    )
    actions = parser.add_subparsers(title="actions", dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", parents=[common], help="every model: what it is, its size, whether it is here")
    listing.add_argument("--check", action="store_true", help="also compare what is here with its sums; takes seconds")
    pulling = actions.add_parser("pull", parents=[common], help="pull models, unless they are here")
    pulling.add_argument("names", metavar="NAME", nargs="+")
    pulling.add_argument(
        "--from", dest="place", metavar="PLACE", help="take the files from this folder, wheel, zip archive or URL"
    )
    where = actions.add_parser("where", parents=[common], help="the folder of a model, or of all of them")
    where.add_argument("name", metavar="NAME", nargs="?")
    removing = actions.add_parser("remove", parents=[common], help="remove models from this machine")
    removing.add_argument("names", metavar="NAME", nargs="+")
    return parser


def run(args: argparse.Namespace) -> int:
    match args.action:
        case "list":
            return _list(check=args.check)
        case "pull":
            return _pull(args.names, args.place)
        case "where":
            return _where(args.name)
        case _:
            return _remove(args.names)


def _list(*, check: bool) -> int:
    from rich.console import Console

    from duplex.models import store

    console = Console(soft_wrap=True, highlight=False)
    console.print(_row("model", "here", "size", "licence", "language", "what it is"), style="bold")
    damaged: list[str] = []
    for name, entry in store.catalog().items():
        found = store.find(name) is not None
        faults = store.check(name) if check and found else []
        damaged += [f"{name}: {fault}" for fault in faults]
        state = "damaged" if faults else "yes" if found else "no"
        more = f" +{len(entry.languages) - 1}" if len(entry.languages) > 1 else ""
        language = entry.languages[0] + more if entry.languages else "any"
        row = _row(name, state, store.megabytes(entry.size), entry.licence, language, entry.about)
        console.print(row, style="red" if faults else "green" if found else None, markup=False)
    print(f"\nin {store.folder()}")
    for line in damaged:
        print(f"duplex: {line}; `duplex models remove` it, and it is pulled again", file=sys.stderr)
    return int(bool(damaged))


def _row(name: str, state: str, size: str, licence: str, language: str, about: str) -> str:
    """A line that a narrow terminal wraps: nothing of it is cut off."""
    return f"{name:<31}{state:<8}{size:>6}  {licence:<14}{language:<9}{about}"


def _pull(names: list[str], place: str | None) -> int:
    from duplex.models import store

    if place is not None and len(names) > 1:
        raise InputError("--from is for one model at a time")
    sources = None if place is None else [_source(place)]
    entries = [store.lookup(name) for name in names]
    for entry in entries:
        print(store.fetch(entry.name, sources=sources))
    return 0


def _source(place: str) -> Any:
    from duplex.models import store

    if "://" in place:
        return store.UrlSource(place)
    if not Path(place).expanduser().exists():
        raise InputError(f"{place}: no such folder or archive")
    return store.LocalSource(place)


def _where(name: str | None) -> int:
    from duplex.models import store

    if name is None:
        print(store.folder())
        return 0
    entry = store.lookup(name)
    found = store.find(name)
    if found is None:
        raise ModelError(f"{name} ({store.megabytes(entry.size)}) is not here: `duplex models pull {name}`")
    print(found)
    return 0


def _remove(names: list[str]) -> int:
    from duplex.models import store

    entries = [store.lookup(name) for name in names]
    missing = [entry.name for entry in entries if not store.remove(entry.name)]
    if missing:
        raise ModelError(f"{', '.join(missing)}: not here, so not removed")
    return 0
