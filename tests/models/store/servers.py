"""What the store pulls from, on this machine: a package index, and a server of files that is also a hub."""

from __future__ import annotations

import contextlib
import hashlib
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class Files:
    """What a server has, by path, and how it misbehaves.

    break_after: bytes of a body after which the connection ends, for the next `breaks` answers. status: what it answers
    instead, for the next `refusals` requests. hub: answers as the hub does, by a redirect that bears the sum.
    asked: (path, headers) of every request. gate: while it is not set, bodies wait.
    """

    content: dict[str, bytes] = field(default_factory=dict, repr=False)
    hub: bool = False
    ranges: bool = True
    break_after: int = 0
    breaks: int = 0
    status: int = 503
    refusals: int = 0
    false_sum: bool = False
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list, repr=False)
    url: str = ""
    cdn: str = ""
    gate: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.gate.set()


@contextlib.contextmanager
def served(files: Files) -> Iterator[str]:
    """Its address, while it runs."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            files.asked.append((self.path, headers))
            if files.refusals:
                files.refusals -= 1
                self.send_response(files.status)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            if files.hub and not self.path.startswith("/cdn/") and "/resolve/" in self.path:
                self._redirect()
                return
            body = files.content.get(self.path.removeprefix("/cdn"))
            if body is None:
                self.send_error(404)
                return
            self._send(body, headers)

        def _redirect(self) -> None:
            body = files.content.get(self.path)
            if body is None:
                self.send_error(404)
                return
            digest = hashlib.sha256(body + b"other" * files.false_sum).hexdigest()
            self.send_response(302)
            self.send_header("X-Repo-Commit", "c0ffee")
            self.send_header("X-Linked-Etag", f'"{digest}"')
            self.send_header("Location", f"{files.cdn}/cdn{self.path}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, body: bytes, headers: dict[str, str]) -> None:
            tag = f'"{hashlib.md5(body).hexdigest()}"'
            start = 0
            asked = headers.get("range", "")
            if files.ranges and asked and headers.get("if-range", tag) == tag:
                start = int(asked.removeprefix("bytes=").removesuffix("-"))
                if start >= len(body):
                    self.send_response(416)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                    return
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
            else:
                self.send_response(200)
            self.send_header("ETag", tag)
            self.send_header("Content-Type", "text/html" if "/simple/" in self.path else "application/octet-stream")
            self.send_header("Content-Length", str(len(body) - start))
            self.end_headers()
            self.wfile.flush()
            files.gate.wait(60)
            rest = body[start:]
            if files.breaks:
                files.breaks -= 1
                rest = rest[: files.break_after]
                self.close_connection = True
            with contextlib.suppress(OSError):  # the client is gone
                self.wfile.write(rest)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    files.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield files.url
    finally:
        server.shutdown()
        server.server_close()


def write_wheel(folder: Path, members: dict[str, bytes], package: str = "some_voice", version: str = "1.0") -> Path:
    """A wheel with `members` beside what a wheel must have; whoever imports its package, fails."""
    path = folder / f"{package}-{version}-py3-none-any.whl"
    info = f"{package}-{version}.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{package}/__init__.py", "raise RuntimeError('imported')")
        for name, content in members.items():
            archive.writestr(name, content)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/RECORD", "")
    return path


def add_to_index(files: Files, wheel: Path) -> None:
    """Makes `files` a package index (PEP 503) that has the wheel."""
    package = wheel.name.split("-")[0].replace("_", "-")
    link = f'<a href="/wheels/{wheel.name}">{wheel.name}</a>'
    files.content[f"/simple/{package}/"] = f"<!DOCTYPE html><html><body>{link}</body></html>".encode()
    files.content[f"/wheels/{wheel.name}"] = wheel.read_bytes()
