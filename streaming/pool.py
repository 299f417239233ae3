"""Model steps run here: on a bounded pool of its own, never on the event loop and never in its default executor.

aiortc encodes Opus in the loop's default executor; a model step there delays the sound of every call.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from duplex.streaming.errors import StageError

T = TypeVar("T")


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


class InferencePool:
    """A bounded pool of worker threads for model steps.

    workers: threads. pending: steps that may be queued or running at once; further callers wait their turn in `run`,
        so a slow model is felt by its own producer and nobody else.
    inline: run each step at once on the calling thread. Virtual time uses this: a step then takes no time on the
        clock, and the order of results never depends on thread scheduling.
    cost: with inline, the seconds that a step of a name takes on the (virtual) clock; a worker is busy for as long.
    """

    def __init__(
        self,
        workers: int = 2,
        pending: int = 16,
        *,
        inline: bool = False,
        cost: Callable[[str], float] | None = None,
    ) -> None:
        self.workers = workers
        self.inline = inline
        self._cost = cost
        self._free = asyncio.Semaphore(workers)
        self.timings: dict[str, Timing] = {}
        self._room = asyncio.Semaphore(pending)
        self._executor = None if inline else ThreadPoolExecutor(workers, thread_name_prefix="duplex-inference")
        self._booking = threading.Lock()
        self._closed = False

    async def run(self, name: str, step: Callable[..., T], *args: Any) -> T:
        """Run `step(*args)`; its cost is booked under `name`. Raises what the step raises.

        Raises StageError if the pool is closed, or closes before the step's turn.
        """
        self._check_open(name)
        if self._executor is None:
            if self._cost is not None and (seconds := self._cost(name)) > 0:
                async with self._free:
                    await asyncio.sleep(seconds)
            return self._timed(name, step, args)
        await self._room.acquire()
        try:
            self._check_open(name)
            future = self._executor.submit(self._timed, name, step, args)
        except BaseException:
            self._room.release()
            raise
        # The step cannot be stopped half-way: its place is free when it has ended, not when its caller gave up.
        loop = asyncio.get_running_loop()
        future.add_done_callback(lambda _: _call_if_open(loop, self._room.release))
        try:
            return await asyncio.wrap_future(future)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._closed and future.cancelled() and not (task is not None and task.cancelling()):
                self._check_open(name)  # the step was dropped; its caller was not cancelled
            raise

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

    def close(self) -> None:
        """Finish running steps, drop queued ones, end the threads."""
        self._closed = True
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)


def _call_if_open(loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
    with suppress(RuntimeError):  # the loop closed while the step was running
        loop.call_soon_threadsafe(callback)
