"""Files from the Hugging Face hub, or the hub's cache on this machine, and from plain addresses."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from urllib.parse import quote

from duplex.models.store.download import Told, download
from duplex.models.store.entry import File, HubSource, UrlSource
from duplex.models.store.failures import SourceError
from duplex.models.store.folders import file_sha256, finished_whole, set_to_yes
from duplex.models.store.watching import Progress

ENDPOINT = "https://huggingface.co"


def pull_urls(source: UrlSource, files: Iterable[File], into: Path, progress: Progress) -> None:
    """Raises SourceError, and OSError from the disk."""
    _Batch(files, into, progress).bring(lambda file: source.url(file.name), {})


def pull_hub(source: HubSource, files: Iterable[File], into: Path, progress: Progress) -> None:
    """From the cache of `huggingface_hub` what is there, the rest over HTTP. HF_HOME, HF_HUB_CACHE, HF_ENDPOINT,
    HF_HUB_OFFLINE, HF_TOKEN and HF_TOKEN_PATH mean what they mean there.

    Raises SourceError, and OSError from the disk.
    """
    missing = [file for file in files if not _from_cache(source, file, into)]
    if not missing:
        return
    for variable in ("DUPLEX_OFFLINE", "HF_HUB_OFFLINE"):
        if set_to_yes(variable):
            raise SourceError(f"{variable} forbids pulling")
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or ENDPOINT
    token = _token()
    revision = quote(source.revision, safe="")

    def url(file: File) -> str:
        return f"{endpoint}/{source.repository}/resolve/{revision}/{quote(source.path(file.name))}"

    _Batch(missing, into, progress).bring(url, {"Authorization": f"Bearer {token}"} if token else {})


def _home() -> Path:
    given = os.environ.get("HF_HOME")
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(given or os.path.join(cache, "huggingface")).expanduser()


def _token() -> str:
    given = os.environ.get("HF_TOKEN", "").strip()
    if given or set_to_yes("HF_HUB_DISABLE_IMPLICIT_TOKEN"):
        return given
    try:
        return Path(os.environ.get("HF_TOKEN_PATH") or _home() / "token").expanduser().read_text().strip()
    except OSError:
        return ""


def in_cache(source: HubSource, files: Iterable[File]) -> bool:
    """Whether the hub's cache on this machine has all of them."""
    return all(_cached(source, file) is not None for file in files)


def _cached(source: HubSource, file: File) -> Path | None:
    """Where the hub's cache holds a file in this revision."""
    cache = Path(os.environ.get("HF_HUB_CACHE") or _home() / "hub").expanduser()
    repository = cache / f"models--{source.repository.replace('/', '--')}"
    try:
        commit = (repository / "refs" / source.revision).read_text().strip()
    except OSError:
        commit = source.revision
    try:
        return (repository / "snapshots" / commit / source.path(file.name)).resolve(strict=True)
    except OSError:
        return None


def _from_cache(source: HubSource, file: File, into: Path) -> bool:
    """Whether the file was in the hub's cache, with the right sum; it is then linked or copied."""
    blob = _cached(source, file)
    try:
        if blob is None or (file.sha256 and file_sha256(blob) != file.sha256):
            return False
    except OSError:
        return False
    with finished_whole(into / file.name) as path:
        path.unlink(missing_ok=True)
        try:
            os.link(blob, path)
        except OSError:  # another disk, or one without links
            shutil.copyfile(blob, path)
    return True


class _Batch:
    """Several files, one progress."""

    def __init__(self, files: Iterable[File], into: Path, progress: Progress) -> None:
        self._files = list(files)
        self._into = into
        self._progress = progress
        self._sizes = {file.name: file.size for file in self._files}
        self._done = dict.fromkeys(self._sizes, 0)

    def bring(self, url: Callable[[File], str], headers: dict[str, str]) -> None:
        for file in self._files:
            with finished_whole(self._into / file.name) as path:
                self._bring_one(url(file), file, path, headers)

    def _bring_one(self, url: str, file: File, path: Path, headers: dict[str, str]) -> None:
        """A file that is wrong after it was resumed is brought once more, from its beginning."""
        while True:
            resumed = path.exists()
            told = download(url, path, headers, lambda done, size: self._report(file.name, done, size))
            if _right(path, file, told):
                return
            path.unlink()
            if not resumed:
                raise SourceError(f"{file.name} has the wrong sum: it is not the file that was asked for")

    def _report(self, name: str, done: int, size: int) -> None:
        self._done[name] = done
        self._sizes[name] = size or self._sizes[name]
        known = all(self._sizes.values())
        self._progress(sum(self._done.values()), sum(self._sizes.values()) if known else 0)


def _right(path: Path, file: File, told: Told) -> bool:
    """Whether it has the catalog's sum, else the server's, else the catalog's size."""
    if expected := file.sha256 or told.sha256:
        return file_sha256(path) == expected
    if told.git_sha1:
        return _git_sha1(path) == told.git_sha1
    return not file.size or path.stat().st_size == file.size


def _git_sha1(path: Path) -> str:
    """The name that git has for a file's content, which is the hub's tag of a small file."""
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()
