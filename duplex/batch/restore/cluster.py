"""Files spread over a Ray cluster: the model loaded once in each worker, a file that fails tried once more elsewhere.

Duplex must be installed on every node; what else the nodes must share is said in shipment.py. A worker that dies is
replaced. Only the caller gives results their final names, so that nothing half-written ever bears one.
"""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from duplex.batch.restore.factories import name_of
from duplex.batch.restore.plan import Item
from duplex.batch.restore.remote_io import Delivery, RemoteRestorer, packed, received
from duplex.batch.restore.report import FileResult
from duplex.batch.restore.restore_file import Progress, discard
from duplex.models.restoration.contract import RestoreOptions, StageFactory
from duplex.ray_connection import connect
from duplex.streaming.errors import EndpointError

ATTEMPTS = 2

_START = 120.0
"""Seconds in which a worker must come up while none is at work."""

_FALSE_STARTS = 3

Event = tuple[Item, Progress | FileResult]


@dataclass(slots=True)
class _Job:
    item: Item
    attempts: int = 0
    avoid: set[Any] = field(default_factory=set)


def run_on_cluster(
    items: Sequence[Item], options: RestoreOptions, factory: StageFactory, address: str | None, jobs: int | None
) -> Iterator[Event]:
    """address: of a running cluster; None for the one that RAY_ADDRESS names, else a new one on this machine. jobs: how
    many workers at most; None for one a CPU. Raises ModelError without `ray`, EndpointError without a cluster."""
    ray, own = connect(address)
    pool = _Pool(ray, options, name_of(factory))
    try:
        yield from _spread(ray, pool, [_Job(item) for item in items], jobs)
    finally:
        pool.close()
        if own:
            ray.shutdown()


def _spread(ray: Any, pool: _Pool, jobs: list[_Job], most: int | None) -> Iterator[Event]:
    waiting = deque(jobs)
    limit = most or max(1, int(ray.cluster_resources().get("CPU", 1)))
    while waiting or pool.busy:
        pool.grow(min(limit, len(waiting) + len(pool.busy)))
        pool.give(waiting)
        delivered = pool.next()
        if delivered is None:
            continue
        job, worker, message = delivered
        if isinstance(message, Progress):
            yield job.item, message
            continue
        result = message.result
        result.worker = pool.names.get(worker)
        if result.status == "failed":
            if job.attempts < ATTEMPTS:
                job.avoid.add(worker)
                waiting.append(job)
                continue
            result.notes.append(f"tried {job.attempts} times")
        yield job.item, received(job.item, message)


class _Pool:
    """The workers: those that are starting, and those that are up, with what they are at."""

    def __init__(self, ray: Any, options: RestoreOptions, factory: str) -> None:
        self.names: dict[Any, str] = {}
        """Workers that are up, with their names."""
        self.busy: dict[Any, tuple[Any, _Job]] = {}
        """Streams of messages, with the worker and the job that they are of."""
        self._ray = ray
        self._arguments = asdict(options), factory
        self._class = ray.remote(num_cpus=1)(RemoteRestorer)
        self._starting: dict[Any, Any] = {}
        self._false_starts = 0

    def grow(self, count: int) -> None:
        for _ in range(count - len(self.names) - len(self._starting)):
            worker = self._class.remote(*self._arguments)
            self._starting[worker.name.remote()] = worker

    def give(self, waiting: deque[_Job]) -> None:
        """Each idle worker gets the first job that did not fail on it before, unless it is the only worker."""
        at_work = [worker for worker, _ in self.busy.values()]
        for worker in [each for each in self.names if each not in at_work]:
            alone = len(self.names) == 1 and not self._starting
            job = next((each for each in waiting if alone or worker not in each.avoid), None)
            if job is None:
                continue
            waiting.remove(job)
            job.attempts += 1
            self.busy[worker.restore.options(num_returns="streaming").remote(packed(job.item))] = (worker, job)

    def next(self) -> tuple[_Job, Any, Progress | Delivery] | None:
        """The next message, with its job and worker; None if a worker has come up instead.

        Raises EndpointError where no worker comes up at all, and what loading the model raises.
        """
        ready, _ = self._ray.wait([*self.busy, *self._starting], timeout=None if self.busy else _START)
        if not ready:
            raise EndpointError(f"cluster: no worker came up within {_START:.0f} s; is a CPU free?")
        if ready[0] in self._starting:
            self._started(ready[0])
            return None
        stream = ready[0]
        worker, job = self.busy[stream]
        try:
            message = self._ray.get(next(stream))
        except (self._ray.exceptions.RayError, StopIteration) as error:
            del self.busy[stream]
            self.names.pop(worker, None)
            discard(job.item)
            lost = FileResult(job.item.source, job.item.target, job.item.relative, "failed")
            lost.error = f"{job.item.source}: its worker died ({type(error).__name__})"
            return job, worker, Delivery(lost)
        if isinstance(message, Delivery):
            del self.busy[stream]
        return job, worker, message

    def close(self) -> None:
        for worker in [*self.names, *self._starting.values()]:
            with contextlib.suppress(self._ray.exceptions.RayError):
                self._ray.kill(worker)
        for _, job in self.busy.values():
            discard(job.item)

    def _started(self, call: Any) -> None:
        worker = self._starting.pop(call)
        try:
            self.names[worker], failure = self._ray.get(call)
        except self._ray.exceptions.RayError as error:
            self._false_starts += 1
            if self._false_starts >= _FALSE_STARTS and not self.names:
                reason = " ".join(str(error).split())[:300]
                raise EndpointError(f"cluster: no worker can be started: {reason}") from error
            return
        if failure is not None:
            kind, text = failure
            raise kind(text)
