"""Fair shares of one inference pool: no call can starve another, however many steps it asks for.

Start-time fair queueing (Goyal, Vin and Cheng, 1996) on measured cost: of the calls that wait, the one that has had
the least of the pool's time goes first. A call that was idle gets no credit for it.
"""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

from duplex.streaming.pool import RESERVED, InferencePool

T = TypeVar("T")

LONG = frozenset({"load", "transcribe"})
"""Steps that take seconds (a recording's whole utterance at once). They may not hold every worker at once."""


class SharedPool:
    """Divides a pool among shares. Steps are started only as workers become free, so order is decided here."""

    def __init__(self, pool: InferencePool) -> None:
        self.pool = pool
        self._shares: list[PoolShare] = []
        self._running = 0
        self._long = 0
        self._now = 0.0

    @property
    def waiting(self) -> int:
        """Steps that wait for a worker."""
        return sum(len(share.queue) for share in self._shares)

    def share(self, name: str) -> PoolShare:
        return PoolShare(self, name)

    async def run(
        self, share: PoolShare, name: str, step: Callable[..., T], args: tuple[Any, ...], limit: float | None = None
    ) -> T:
        if name in RESERVED:  # a call has one at a time, so nobody can take more than a share
            return await self.pool.run(name, step, *args, limit=limit)
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
        slot = _Slot(lambda seconds: self._ended(share, name, seconds, charged))
        more = {} if limit is None else {"limit": limit}
        try:
            return await self.pool.run(name, slot.hold, step, args, **more)
        except asyncio.CancelledError:
            slot.caller_left()
            raise
        finally:
            slot.caller_done()

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

    def _ended(self, share: PoolShare, name: str, seconds: float, charged: float) -> None:
        share.served += seconds - charged
        share.spent += seconds
        share.running -= 1
        self._running -= 1
        self._long -= name in LONG
        if not share.queue and not share.running:
            self._shares.remove(share)
        self._start()

    def _forget(self, share: PoolShare, turn: asyncio.Future[float]) -> None:
        share.queue = deque(waiting for waiting in share.queue if waiting[1] is not turn)
        if not share.queue and not share.running and share in self._shares:
            self._shares.remove(share)

    def _expected(self, name: str) -> float:
        timing = self.pool.timings.get(name)
        return timing.total / timing.calls if timing else 0.0


class _Slot:
    """A worker's slot, from its grant until the step has really ended: a thread cannot be stopped half-way.

    free: called once on the loop, with the seconds that the slot was held.
    """

    def __init__(self, free: Callable[[float], None]) -> None:
        self._free = free
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._guard = threading.Lock()
        self._running = False
        self._left = False
        self._freed = False

    def hold(self, step: Callable[..., T], args: tuple[Any, ...]) -> T:
        """Run the step, in the worker's thread. A step whose caller left before it began is not run."""
        with self._guard:
            if self._left:
                raise RuntimeError("the caller of this step left before it began")
            self._running = True
        try:
            return step(*args)
        finally:
            with self._guard:
                self._running = False
                left = self._left
            if left:
                with suppress(RuntimeError):  # the loop has closed
                    self._loop.call_soon_threadsafe(self._release)

    def caller_left(self) -> None:
        """The caller was cancelled: a step that runs keeps the slot."""
        with self._guard:
            self._left = True
            if self._running:
                return
        self._release()

    def caller_done(self) -> None:
        """The step has ended, failed, or was given up by the pool, which has replaced its thread."""
        if not self._left:
            self._release()

    def _release(self) -> None:
        if not self._freed:
            self._freed = True
            self._free(self._loop.time() - self._began)


class PoolShare:
    """One session's part of a shared pool (`duplex.streaming.pool.Steps`). It has nothing to close."""

    def __init__(self, shared: SharedPool, name: str) -> None:
        self.name = name
        self.inline = shared.pool.inline
        self.timings = shared.pool.timings
        self.served = 0.0
        """The pool's time that this share has had, in seconds, with what it is expected to take now."""
        self.spent = 0.0
        """Seconds that its steps have held a worker."""
        self.running = 0
        self.queue: deque[tuple[str, asyncio.Future[float]]] = deque()
        self._shared = shared

    async def run(self, name: str, step: Callable[..., T], *args: Any, limit: float | None = None) -> T:
        """Run `step(*args)` in this share's turn. Raises what it raises, and what the pool raises."""
        return await self._shared.run(self, name, step, args, limit)
