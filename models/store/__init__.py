"""Where weights come from: a catalog of models, and a folder on this machine that holds those that were pulled.

Weights are data: archives are opened and never installed or run, every file is checked by its SHA-256, and a model that
is there is never looked for on the network again. DUPLEX_MODELS names the folder; DUPLEX_OFFLINE=1 forbids pulling.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from pathlib import Path

from duplex.models.store.catalog import CATALOG
from duplex.models.store.entry import Entry, File, HubSource, LocalSource, PackageSource, Source, UrlSource, megabytes
from duplex.models.store.folders import complete, disk_size, faults, set_to_yes, store_folder
from duplex.models.store.watching import Progress, Watcher, watch, watched_by
from duplex.streaming.errors import ModelError

__all__ = [
    "Entry",
    "File",
    "HubSource",
    "LocalSource",
    "PackageSource",
    "Progress",
    "Source",
    "UrlSource",
    "Watcher",
    "catalog",
    "check",
    "fetch",
    "find",
    "folder",
    "lookup",
    "megabytes",
    "offline",
    "remove",
    "size_on_disk",
    "watch",
    "watched_by",
]


def catalog() -> Mapping[str, Entry]:
    """The models that can be pulled, by name."""
    return CATALOG


def lookup(name: str, family: str | None = None) -> Entry:
    """One of them. Raises ModelError for a name that the catalog does not have, or a model for another family."""
    known = catalog()
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        meant = f"; did you mean {near[0]}?" if near else "; `duplex models list` names them all"
        raise ModelError(f"no model of the catalog is named {name!r}{meant}")
    entry = known[name]
    if family is not None and entry.family != family:
        raise ModelError(f"{name} is not for {family} but for {entry.family}: {entry.about}")
    return entry


def folder() -> Path:
    """Where models are kept; it need not exist. Raises ModelError if there is no home folder to keep them in."""
    return store_folder()


def offline() -> bool:
    """Whether DUPLEX_OFFLINE forbids pulling."""
    return set_to_yes("DUPLEX_OFFLINE")


def find(name: str) -> Path | None:
    """The folder of a model that is there in full, else None. Reads file sizes only, and never the network."""
    known = catalog().get(name)
    if known is None:
        return None
    try:
        place = store_folder() / name
    except ModelError:
        return None
    return place if complete(place, known) else None


def fetch(name: str, progress: Progress | None = None, sources: Sequence[Source] | None = None) -> Path:
    """The folder of a model, which is pulled first if it is not there. Blocking: for a pool, never an event loop.

    progress: told of bytes done and in all. sources: where to take the files from instead of where the catalog says.
    Raises ModelError, in one line, if the model cannot be had. Safe in several threads and processes at once.
    """
    wanted = lookup(name)
    if (found := find(name)) is not None:
        return found
    allowed = [source for source in sources or wanted.sources if not offline() or _is_here(source, wanted)]
    if not allowed:
        raise ModelError(
            f"{name} ({megabytes(wanted.size)}) is not in {folder()}, and DUPLEX_OFFLINE forbids pulling it"
        )
    from duplex.models.store.pulling import pull

    return pull(wanted, allowed, progress)


def _is_here(source: Source, wanted: Entry) -> bool:
    """Whether a source needs no network."""
    from duplex.models.store.web_source import in_cache

    return isinstance(source, LocalSource) or (isinstance(source, HubSource) and in_cache(source, wanted.files))


def remove(name: str) -> bool:
    """Removes a model from this machine; whether there was one. Raises ModelError."""
    from duplex.models.store.pulling import discard

    return discard(lookup(name))


def check(name: str) -> list[str]:
    """What is wrong with a model that is there, by its full sums, a line each; empty if nothing is."""
    return faults(store_folder() / name, lookup(name))


def size_on_disk(name: str) -> int:
    """Bytes that a model takes here."""
    return disk_size(store_folder() / name)
