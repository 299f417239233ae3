"""Fair shares of one inference pool: no call can starve another, however many steps it asks for.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) on measured cost: of the calls that wait, the one that has had
the least of the pool's time goes first. A call that was idle gets no credit for it.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

from duplex.streaming.pool import InferencePool

T = TypeVar("T")

LONG = frozenset({"load"})
"""Steps that take seconds. They may not hold every worker at once."""


class SharedPool:
    """Divides a pool among shares. Steps are started only as workers become free, so order is decided here."""

    def __init__(self, pool: InferencePool) -> None:
        self.pool = pool
        self._shares: list[Share] = []
        self._running = 0
        self._long = 0
        self._now = 0.0

    @property
    def waiting(self) -> int:
        """Steps that wait for a worker."""
        return sum(len(share.queue) for share in self._shares)

    def share(self, name: str) -> Share:
        return Share(self, name)

    async def run(self, share: Share, name: str, step: Callable[..., T], args: tuple[Any, ...]) -> T:
        turn: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        if not share.queue and not share.running:
            share.served = max(share.served, self._now)
        share.queue.append((name, turn))
        if share not in self._shares:
            self._shares.append(share)
        self._start()
        try:
            charged = await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._ended(share, name, 0.0, turn.result())
            else:
                self._forget(share, turn)
            raise
        clock = asyncio.get_running_loop().time
        began = clock()
        try:
            return await self.pool.run(name, step, *args)
        finally:
            self._ended(share, name, clock() - began, charged)

    def _start(self) -> None:
        while self._running < self.pool.workers:
            ready = [share for share in self._shares if share.queue and self._may_start(share.queue[0][0])]
            if not ready:
                return
            share = min(ready, key=lambda each: each.served)
            name, turn = share.queue.popleft()
            self._now = max(self._now, share.served)
            charge = self._expected(name)
            share.served += charge
            share.running += 1
            self._running += 1
            self._long += name in LONG
            turn.set_result(charge)

    def _may_start(self, name: str) -> bool:
        return name not in LONG or self._long < max(1, self.pool.workers - 1)

    def _ended(self, share: Share, name: str, seconds: float, charged: float) -> None:
        share.served += seconds - charged
        share.spent += seconds
        share.running -= 1
        self._running -= 1
        self._long -= name in LONG
        if not share.queue and not share.running:
            self._shares.remove(share)
        self._start()

    def _forget(self, share: Share, turn: asyncio.Future[float]) -> None:
        share.queue = deque(waiting for waiting in share.queue if waiting[1] is not turn)
        if not share.queue and not share.running and share in self._shares:
            self._shares.remove(share)

    def _expected(self, name: str) -> float:
        timing = self.pool.timings.get(name)
        return timing.total / timing.calls if timing else 0.0


class Share(InferencePool):
    """One session's part of a shared pool; what a session takes for its pool. Closing it closes nothing."""

    def __init__(self, shared: SharedPool, name: str) -> None:
        self.name = name
        self.workers = shared.pool.workers
        self.inline = shared.pool.inline
        self.timings = shared.pool.timings
        self.served = 0.0
        """The pool's time that this share has had, in seconds, with what it is expected to take now."""
        self.spent = 0.0
        """Seconds that its steps have really taken, waiting for a thread left out."""
        self.running = 0
        self.queue: deque[tuple[str, asyncio.Future[float]]] = deque()
        self._shared = shared

    async def run(self, name: str, step: Callable[..., T], *args: Any) -> T:
        return await self._shared.run(self, name, step, args)

    def close(self) -> None:
        pass
