"""The worker process: answers, failures, stalls and ends."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from duplex.models.asr.worker_process import WorkerProcess
from duplex.streaming.errors import StageError

PROGRAM = """
import json, os, struct, sys, time
while len(header := sys.stdin.buffer.read(5)) == 5:
    operation, length = struct.unpack("<cI", header)
    payload = sys.stdin.buffer.read(length)
    if operation == b"s":
        time.sleep(600)
    if operation == b"x":
        sys.exit("no more memory")
    answer = {"error": "cannot"} if operation == b"r" else [payload.decode(), os.getpid()]
    body = json.dumps(answer).encode()
    sys.stdout.buffer.write(struct.pack("<I", len(body)) + body[: len(body) // 2 if operation == b"h" else None])
    sys.stdout.buffer.flush()
    if operation == b"h":
        sys.exit(3)
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "program.py"
    path.write_text(PROGRAM, "utf-8")
    (tmp_path / "json.py").write_text("raise RuntimeError('the folder of the program hides a package')", "utf-8")
    return path


def test_requests_are_answered_in_turn_and_a_refusal_is_no_end(program: Path) -> None:
    worker = WorkerProcess(program, "echo")
    assert worker.request(b"e", b"one") == ["one", worker.pid]
    with pytest.raises(StageError, match="echo: cannot"):
        worker.request(b"r")
    assert worker.request(b"e", b"x" * 300_000) == ["x" * 300_000, worker.pid]
    assert worker.alive
    worker.close()


@pytest.mark.parametrize(
    ("operation", "reason"),
    [(b"x", r"ended with status 1: no more memory"), (b"h", r"ended with status 3"), (b"s", r"no answer for 2 s")],
)
def test_a_process_without_an_answer_is_reaped_and_said_to_be_gone(
    program: Path, operation: bytes, reason: str
) -> None:
    worker = WorkerProcess(program, "echo", timeout=2.0 if operation == b"s" else 60.0)
    with pytest.raises(StageError, match=reason):
        worker.request(operation)
    assert not worker.alive
    with pytest.raises(ProcessLookupError):
        os.kill(worker.pid, 0)
    with pytest.raises(StageError, match="has been closed"):
        worker.request(b"e")
    worker.close()


def test_a_worker_that_is_forgotten_is_ended(program: Path) -> None:
    worker = WorkerProcess(program, "echo")
    process = worker.request(b"e")[1]
    del worker
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    worker = WorkerProcess(tmp_path / "nowhere.py", "echo")
    with pytest.raises(StageError, match=r"ended with status 2: .*nowhere\.py"):
        worker.request(b"e")
