"""An engine in a process of its own: for C code that holds the GIL longer than an audio frame lasts.

A plain child process with two pipes, not `multiprocessing`: that imports the user's main module again in the child,
which a script without a `__main__` guard does not survive. The child sees the end of its input when its parent dies
in whatever way, and ends too.
"""

from __future__ import annotations

import json
import struct
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from duplex.streaming.errors import StageError

REQUEST = struct.Struct("<cI")
"""Operation, length of what follows."""
ANSWER = struct.Struct("<I")
"""Length of the JSON that follows."""


class WorkerProcess:
    """Runs a Python file that answers requests, one after the other. Starting does not wait until it is ready.

    program: a file that needs nothing of this package; see `sphinx_decoder.py` for its side of the pipes.
    timeout: seconds after which an answer counts as never to come; the process is then ended.
    """

    def __init__(self, program: Path, name: str, *, timeout: float = 30.0) -> None:
        self.name = name
        self._timeout = timeout
        self._lock = threading.Lock()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        try:
            # -P: the folder of the program must not hide installed packages.
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(program)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        except OSError as error:
            self._log.close()
            raise StageError(f"{name}: its process cannot be started: {error}") from error
        self._end = weakref.finalize(self, _end, self._process, self._log)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._end.alive and self._process.poll() is None

    def request(self, operation: bytes, payload: bytes = b"") -> Any:
        """One operation (a single byte) and its answer. Raises StageError if it fails or the process is gone."""
        with self._lock:
            if not self._end.alive:
                raise StageError(f"{self.name}: its process has been closed; begin a new utterance")
            overdue = threading.Event()
            watchdog = threading.Timer(self._timeout, _overdue, (self._process.kill, overdue))
            watchdog.daemon = True
            watchdog.start()
            try:
                answer = self._exchange(operation, payload)
            except (OSError, EOFError) as error:
                raise StageError(self._obituary(overdue.is_set())) from error
            finally:
                watchdog.cancel()
        if isinstance(answer, dict) and "error" in answer:
            raise StageError(f"{self.name}: {answer['error']}")
        return answer

    def kill(self) -> None:
        """Kills the process at once, whatever it is doing; a request that waits for it raises StageError."""
        self._process.kill()

    def close(self) -> None:
        """Ends the process and reaps it; closing twice is fine."""
        self._end()

    def _exchange(self, operation: bytes, payload: bytes) -> Any:
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(REQUEST.pack(operation, len(payload)) + payload)
        self._process.stdin.flush()
        header = self._process.stdout.read(ANSWER.size)
        if len(header) < ANSWER.size:
            raise EOFError
        (length,) = ANSWER.unpack(header)
        body = self._process.stdout.read(length)
        if len(body) < length:
            raise EOFError
        return json.loads(body)

    def _obituary(self, overdue: bool) -> str:
        """Why there is no answer, after the process has been reaped."""
        if overdue:
            self.close()
            return f"{self.name}: no answer for {self._timeout:g} s; its process was ended, begin a new utterance"
        try:
            status: Any = self._process.wait(2.0)
        except subprocess.TimeoutExpired:
            status = "unknown"
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        self.close()
        reason = f": {lines[-1].strip()}" if lines else ""
        return f"{self.name}: its process ended with status {status}{reason}; begin a new utterance"


def _overdue(kill: Callable[[], None], overdue: threading.Event) -> None:
    overdue.set()
    kill()


def _end(process: subprocess.Popen[bytes], log: IO[bytes]) -> None:
    try:
        if process.stdin is not None:
            process.stdin.close()
    except OSError:  # a request to a dead process was still in the buffer
        pass
    try:
        process.wait(1.0)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
    log.close()
