"""Files restored one after the other in this process, or spread over worker processes (worker.py).

A worker is a command of its own rather than a `multiprocessing` child: it never runs the caller's main module again.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from duplex.batch.restore.factories import name_of
from duplex.batch.restore.plan import Item
from duplex.batch.restore.report import FileResult
from duplex.batch.restore.restore_file import Progress, discard, restore_file
from duplex.models.restoration.contract import RestoreOptions, StageFactory
from duplex.streaming import errors
from duplex.streaming.errors import ModelError

Event = tuple[Item, Progress | FileResult]

_THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_GRACE = 5.0
"""Seconds in which a process may end by itself."""


def run_here(items: Sequence[Item], options: RestoreOptions, factory: StageFactory) -> Iterator[Event]:
    """One after the other, in this process."""
    stage = factory(options)
    for item in items:
        restoring = restore_file(item, stage, options)
        try:
            while True:
                try:
                    yield item, next(restoring)
                except StopIteration as end:
                    yield item, end.value
                    break
        finally:
            restoring.close()


def run_in_processes(
    items: Sequence[Item], options: RestoreOptions, factory: StageFactory, jobs: int
) -> Iterator[Event]:
    """Spread over `jobs` processes. One that dies costs the file it was at; another takes its place."""
    name = name_of(factory)
    waiting = deque(items)
    events: queue.Queue[tuple[_Worker, dict | None]] = queue.Queue()
    workers: set[_Worker] = set()
    never_ready = 0
    try:
        while waiting or any(worker.item for worker in workers):
            while waiting and len(workers) < min(
                jobs, len(waiting) + sum(worker.item is not None for worker in workers)
            ):
                workers.add(_Worker(options, name, events))
            worker, message = events.get()
            if message is None:
                workers.discard(worker)
                status = worker.end()
                never_ready = 0 if worker.ready else never_ready + 1
                if worker.item is not None:
                    discard(worker.item)
                    yield worker.item, _lost(worker.item, status)
                elif not worker.ready and never_ready >= 3:
                    raise ModelError(f"restoration: worker processes end at once (status {status})")
                continue
            if "error" in message:
                raise getattr(errors, message["error"]["kind"])(message["error"]["text"])
            if "progress" in message:
                yield worker.item, Progress(**message["progress"])
                continue
            if "result" in message:
                item, worker.item = worker.item, None
                yield item, FileResult.from_dict(message["result"])
            if waiting:
                worker.give(waiting.popleft())
            else:
                workers.discard(worker)
                worker.end()
    finally:
        for worker in workers:
            worker.kill()
            if worker.item is not None:
                discard(worker.item)


class _Worker:
    """The caller's side of a process."""

    def __init__(self, options: RestoreOptions, factory: str, events: queue.Queue) -> None:
        self.item: Item | None = None
        self.ready = False
        environment = {**os.environ, **dict.fromkeys(_THREADS, "1")}
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "duplex.batch.restore.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env=environment | {"PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
            start_new_session=True,  # Ctrl-C is the caller's to handle
        )
        self._send({"options": asdict(options), "factory": factory})
        threading.Thread(target=self._listen, args=(events,), daemon=True).start()

    def give(self, item: Item) -> None:
        self.item = item
        self._send({"item": asdict(item)})

    def end(self) -> int:
        self._close_input()
        try:
            return self._process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        self._process.kill()
        self._close_input()
        return self._process.wait()

    def _send(self, message: dict) -> None:
        with contextlib.suppress(OSError):  # it has died; the listener says so
            print(json.dumps(message), file=self._process.stdin, flush=True)

    def _close_input(self) -> None:
        with contextlib.suppress(OSError):
            self._process.stdin.close()

    def _listen(self, events: queue.Queue) -> None:
        with self._process.stdout as lines:
            for line in lines:
                message = json.loads(line)
                self.ready |= "ready" in message
                events.put((self, message))
        events.put((self, None))


def _lost(item: Item, status: int) -> FileResult:
    cause = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    hint = "; was there too little memory?" if status == -signal.SIGKILL else ""
    error = f"{item.source}: its worker process died ({cause}){hint}"
    return FileResult(item.source, item.target, item.relative, "failed", error=error)
