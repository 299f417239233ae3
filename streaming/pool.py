"""Model steps run here: on a bounded pool of its own, never on the event loop and never in its default executor.

aiortc encodes Opus in the loop's default executor; a model step there delays the sound of every call.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from queue import SimpleQueue
from typing import Any, Protocol, TypeVar

import numpy as np

from duplex.streaming.errors import StageError, StalledError

T = TypeVar("T")

PRIORITIES = {
    "decide": 0,
    "endpoint": 0,
    "recognize": 1,
    "speak": 2,
    "diarize": 3,
    "prosody": 3,
    "restore": 4,
    "translate": 4,
    "respond": 5,
    "transcribe": 5,
    "prefill": 6,
    "load": 7,
}
"""Which steps go first where several wait: those that somebody notices soonest."""

_OTHERS = PRIORITIES["respond"]

RESERVED = frozenset({"decide"})
"""Steps that have a worker of their own, so that they never wait for a long one: each session has one at a time."""

MOST_STUCK = 8
"""Steps that may be stuck at once and have their workers replaced."""


@dataclass(slots=True)
class Timing:
    """Wall-clock cost of one kind of step, in seconds: totals, and the last 2048 for quantiles."""

    calls: int = 0
    total: float = 0.0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=2048))

    def add(self, seconds: float) -> None:
        self.calls += 1
        self.total += seconds
        self.recent.append(seconds)

    def quantile(self, q: float) -> float:
        return float(np.quantile(np.fromiter(self.recent, float), q)) if self.recent else 0.0


class Steps(Protocol):
    """What runs model steps for a session: a pool, or a share of one.

    inline: steps run at once on the calling thread. timings: cost of each kind of step.
    """

    @property
    def inline(self) -> bool: ...

    @property
    def timings(self) -> dict[str, Timing]: ...

    async def run(self, name: str, step: Callable[..., T], *args: Any, limit: float | None = None) -> T:
        """Run `step(*args)`. Raises what it raises, StalledError after `limit` seconds, StageError if closed."""
        ...


class InferencePool:
    """A bounded pool of worker threads for model steps.

    workers: threads; of the steps that wait for one, those of higher priority (PRIORITIES) go first. One more thread is
        reserved for deciding (RESERVED).
    inline: run each step at once on the calling thread. Virtual time uses this: the order of results never depends on
        thread scheduling.
    cost: with inline, the seconds that a step of a name takes on the (virtual) clock; a worker is busy for as long.
        Without it computing is free on that clock.
    """

    def __init__(self, workers: int = 2, *, inline: bool = False, cost: Callable[[str], float] | None = None) -> None:
        self.workers = workers
        self.inline = inline
        self.stuck = 0
        """Steps that were given up and have not ended; each has a thread that nobody can stop."""
        self.timings: dict[str, Timing] = {}
        self._cost = cost
        self._slots = _Slots(workers)
        self._reserved = _Slots(1)
        self._threads = None if inline else _Threads("duplex-inference")
        self._running: set[Future[Any]] = set()
        self._booking = threading.Lock()
        self._closed = False

    async def run(self, name: str, step: Callable[..., T], *args: Any, limit: float | None = None) -> T:
        """Run `step(*args)`; its cost is booked under `name`. Raises what the step raises.

        limit: seconds after which the step is given up with a StalledError. It cannot be stopped; its thread is
        replaced, so that the pool keeps its size. Raises StageError if the pool is closed, or closes before the step's
        turn.
        """
        self._check_open(name)
        if self._threads is None:
            return await self._run_inline(name, step, args, limit)
        slots = self._slots_for(name)
        await slots.acquire(PRIORITIES.get(name, _OTHERS))
        try:
            self._check_open(name)
            job = self._threads.submit(lambda: self._timed(name, step, args))
        except BaseException:
            slots.release()
            raise
        # The step cannot be stopped half-way: its place is free when it has ended, not when its caller gave up.
        place = _Place(self, slots, job)
        self._running.add(job)
        loop = asyncio.get_running_loop()
        job.add_done_callback(lambda _: _call_if_open(loop, place.ended))
        try:
            async with asyncio.timeout(limit) as timeout:
                return await asyncio.wrap_future(job)
        except TimeoutError:
            if not timeout.expired():
                raise
            place.give_up()
            raise StalledError(f"step {name!r} was given up after {limit:g} s") from None

    async def _run_inline(self, name: str, step: Callable[..., T], args: tuple[Any, ...], limit: float | None) -> T:
        if self._cost is not None and (seconds := self._cost(name)) > 0:
            slots = self._slots_for(name)
            await slots.acquire(PRIORITIES.get(name, _OTHERS))
            try:
                self._check_open(name)
                await asyncio.sleep(seconds if limit is None else min(seconds, limit))
            finally:
                slots.release()
            if limit is not None and seconds > limit:
                raise StalledError(f"step {name!r} was given up after {limit:g} s")
        return self._timed(name, step, args)

    def _slots_for(self, name: str) -> _Slots:
        return self._reserved if name in RESERVED else self._slots

    def _check_open(self, name: str) -> None:
        if self._closed:
            raise StageError(f"step {name!r} cannot run: the inference pool is closed")

    def _timed(self, name: str, step: Callable[..., T], args: tuple[Any, ...]) -> T:
        began = time.perf_counter()
        try:
            return step(*args)
        except StopIteration as stop:  # no future can carry one: its caller would wait for ever
            raise RuntimeError(f"step {name!r} raised StopIteration") from stop
        finally:
            seconds = time.perf_counter() - began
            with self._booking:
                self.timings.setdefault(name, Timing()).add(seconds)

    async def aclose(self, limit: float = 5.0) -> None:
        """Drop queued steps and wait for running ones, at most `limit` seconds, without holding up the loop."""
        self._shut()
        running = [asyncio.wrap_future(job) for job in self._running if not job.done()]
        if running:
            _, late = await asyncio.wait(running, timeout=limit)
            for future in running:
                future.add_done_callback(lambda done: done.cancelled() or done.exception())
            self.stuck += sum(not future.done() for future in late)

    def close(self, limit: float = 5.0) -> None:
        """As `aclose`, blocking: for callers without a loop."""
        self._shut()
        wait(set(self._running), timeout=limit)

    def _shut(self) -> None:
        self._closed = True
        self._slots.close()
        self._reserved.close()
        if self._threads is not None:
            self._threads.close()


class _Place:
    """The place of a running step in its pool, freed once: when the step has ended, or was given up."""

    def __init__(self, pool: InferencePool, slots: _Slots, job: Future[Any]) -> None:
        self._pool = pool
        self._slots = slots
        self._job = job
        self._given_up = False

    def ended(self) -> None:
        self._pool._running.discard(self._job)
        if self._given_up:
            self._pool.stuck -= 1
        else:
            self._slots.release()

    def give_up(self) -> None:
        if self._job.done() or self._pool.stuck >= MOST_STUCK:
            return
        self._given_up = True
        self._pool.stuck += 1
        self._slots.release()


class _Slots:
    """A semaphore whose waiters are served by priority, then in order. It belongs to one event loop at a time."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._order = itertools.count()
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []

    async def acquire(self, priority: int) -> None:
        """Raises StageError if the slots are closed while it waits."""
        if self._free > 0:
            self._free -= 1
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (priority, next(self._order), turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.exception() is None:
                self.release()
            raise

    def release(self) -> None:
        while self._waiting:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    def close(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, _, turn in waiting:
            if not turn.done():
                turn.set_exception(StageError("a step was dropped: the inference pool is closed"))


class _Threads:
    """Daemon threads made on demand and kept: a step that never ends does not keep the interpreter from ending."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._count = 0
        self._closed = False

    def submit(self, work: Callable[[], T]) -> Future[T]:
        job: Future[T] = Future()
        with self._lock:
            if self._idle:
                self._idle -= 1
            else:
                self._count += 1
                threading.Thread(target=self._serve, name=f"{self._name}_{self._count}", daemon=True).start()
        self._jobs.put((job, work))
        return job

    def _serve(self) -> None:
        while (item := self._jobs.get()) is not None:
            job, work = item
            if not job.set_running_or_notify_cancel():
                self._rest()
                continue
            try:
                result = work()
            except BaseException as error:
                self._rest()
                job.set_exception(error)
            else:
                self._rest()
                job.set_result(result)
            del item, job, work  # nothing of a step is kept while the thread waits for the next
        with self._lock:
            self._count -= 1

    def _rest(self) -> None:
        with self._lock:
            self._idle += 1
            if self._closed:
                self._jobs.put(None)

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            for _ in range(self._idle):
                self._jobs.put(None)


def _call_if_open(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop closed while the step was running
        loop.call_soon_threadsafe(callback)
