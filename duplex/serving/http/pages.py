"""The page's files, read once: what is not among them does not exist, whatever the address says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable

INDEX = "index.html"

_TYPES = {
    "html": "text/html",
    "js": "text/javascript",
    "mjs": "text/javascript",
    "css": "text/css",
    "svg": "image/svg+xml",
    "png": "image/png",
    "ico": "image/x-icon",
    "json": "application/json",
    "webmanifest": "application/manifest+json",
    "woff2": "font/woff2",
    "wav": "audio/wav",
}


@dataclass(frozen=True, slots=True)
class File:
    body: bytes
    media_type: str


def read_page(package: str = "duplex.page") -> dict[str, File]:
    """Path below the page's folder to file; files of kinds that no page needs are left out."""
    try:
        root = resources.files(package)
    except ModuleNotFoundError:
        return {}
    return {path: File(file.read_bytes(), media_type) for path, file, media_type in _files(root)}


def _files(folder: Traversable, prefix: str = "") -> Iterator[tuple[str, Traversable, str]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            if not entry.name.startswith(("_", ".")):
                yield from _files(entry, f"{prefix}{entry.name}/")
        elif (media_type := _TYPES.get(entry.name.rpartition(".")[2])) is not None:
            yield prefix + entry.name, entry, media_type
