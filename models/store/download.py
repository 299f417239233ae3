"""One file over HTTP, resumed where an earlier try broke off. What a server says about the file is kept beside it until
it is whole, so that a resumed half is never joined to another version's other half."""

from __future__ import annotations

import contextlib
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from duplex.models.store.failures import SourceError

NOTE = ".told"
"""What the name of the note beside an unfinished file ends in."""

TRIES = 4
"""Tries in a row that bring nothing; one that brings something starts the count again."""

TRIES_TO_CONNECT = 2
"""The same where there is not even a connection: without a network the answer must come soon."""

PAUSE = 0.5
"""Seconds before the second try; doubled at each further one."""

CONNECT_LIMIT, READ_LIMIT = 10.0, 30.0
"""Seconds without an answer, and without a further byte, after which a try is given up."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a server says of a file. size: bytes, -1 if it does not say; tag: of this version of it, strong;
    sha256, git_sha1: of the content. Empty is what it does not say."""

    size: int = -1
    tag: str = ""
    sha256: str = ""
    git_sha1: str = ""


class Passing(Exception):
    """This try failed; another one may do better."""


def download(url: str, path: Path, headers: dict[str, str], progress: Callable[[int, int], None]) -> Told:
    """Writes what is at `url` to `path`; returns what the server says of it, unchecked. progress: bytes there, in all.

    Raises SourceError, and OSError from the disk.
    """
    import httpx

    limits = httpx.Timeout(READ_LIMIT, connect=CONNECT_LIMIT)
    note = path.with_name(path.name + NOTE)
    failed = 0
    with httpx.Client(timeout=limits, follow_redirects=True, headers=headers) as client:
        while True:
            before = path.stat().st_size if path.exists() else 0
            try:
                told = _try(client, url, path, note, progress)
                note.unlink(missing_ok=True)
                return told
            except (httpx.TransportError, Passing) as error:
                grown = path.exists() and path.stat().st_size > before
                failed = 1 if grown else failed + 1
                if failed >= (TRIES_TO_CONNECT if isinstance(error, httpx.ConnectError) else TRIES):
                    raise SourceError(_reason(error)) from None
                time.sleep(PAUSE * 2 ** (failed - 1))
            except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.TooManyRedirects) as error:
                raise SourceError(f"{url}: {error}") from None


def _try(client: Any, url: str, path: Path, note: Path, progress: Callable[[int, int], None]) -> Told:
    """One request; goes on from what is there if that is of the same file."""
    before = _read_note(note)
    there = path.stat().st_size if path.exists() and before.tag else 0
    headers = {"Accept-Encoding": "identity"}
    if there:
        headers |= {"Range": f"bytes={there}-", "If-Range": before.tag}
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code == 416:  # what is there is the whole file, or more than it
            note.unlink(missing_ok=True)
            if there == before.size:
                return before
            path.unlink()
            raise Passing("the server has less of the file than was there")
        _check_status(response, url)
        if response.status_code != 206:
            there = 0
        told = _told(response, there)
        with path.open("ab" if there else "wb") as file:
            _write_note(note, told)  # not before what was there is gone, if it is of another version
            for piece in response.iter_raw():  # of no fixed size: what has come is kept if the next byte never comes
                file.write(piece)
                there += len(piece)
                progress(there, max(told.size, 0))
    if 0 <= told.size != there:
        raise Passing(f"{there} of {told.size} bytes came")
    return told


def _check_status(response: Any, url: str) -> None:
    status = response.status_code
    if status in (200, 206):
        return
    if status in (408, 425, 429) or status >= 500:
        raise Passing(f"the server answers {status}")
    if status in (401, 403):
        raise SourceError(f"the server refuses it ({status}); if it needs a token, set HF_TOKEN")
    if status in (404, 410):
        raise SourceError(f"there is nothing at {url}")
    raise SourceError(f"the server answers {status}")


def _told(response: Any, start: int) -> Told:
    """From the headers of the answer, and of the redirects before it: the hub names sums in its own, while the server
    that holds the content may tag it in other ways."""
    answers = [*response.history, response]
    tags = [answer.headers["x-linked-etag"] for answer in answers if "x-linked-etag" in answer.headers] or [
        answer.headers.get("etag", "") for answer in answers if "x-repo-commit" in answer.headers
    ]
    names = [each.removeprefix("W/").strip('"') for each in tags]
    sha256 = next((each for each in names if re.fullmatch(r"[0-9a-f]{64}", each)), "")
    git_sha1 = next((each for each in names if re.fullmatch(r"[0-9a-f]{40}", each)), "")
    tag = response.headers.get("etag", "")
    if response.status_code == 206:
        part = re.fullmatch(r"bytes (\d+)-\d+/(\d+)", response.headers.get("content-range", ""))
        if part is None or int(part[1]) != start:
            raise Passing("the server answers with another part of the file")
        size = int(part[2])
    else:
        size = int(response.headers.get("content-length", -1))
    changed = response.headers.get("last-modified", "")
    return Told(size, changed if not tag or tag.startswith("W/") else tag, sha256, git_sha1)


def _read_note(note: Path) -> Told:
    with contextlib.suppress(OSError, ValueError, TypeError):
        return Told(**json.loads(note.read_text()))
    return Told()


def _write_note(note: Path, told: Told) -> None:
    fields = {"size": told.size, "tag": told.tag, "sha256": told.sha256, "git_sha1": told.git_sha1}
    note.write_text(json.dumps(fields))


def _reason(error: Exception) -> str:
    import httpx

    if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.ProxyError):
        return "cannot be reached"
    if isinstance(error, httpx.TimeoutException):
        return f"sent nothing for {READ_LIMIT:.0f} s"
    if isinstance(error, httpx.TransportError):
        return "the connection broke again and again"
    return str(error)
