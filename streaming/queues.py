"""Bounded queues between stages: each names what it does when full, and counts what it dropped and how far it lags.

One producer or many, one consumer. Unlike `asyncio.Queue`, a queue can be closed, and being full is a policy rather
than an accident.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from duplex.streaming.errors import QueueClosed

T = TypeVar("T")
Policy = Literal["block", "drop_oldest", "latest"]


@dataclass(slots=True)
class QueueStats:
    """Counters of one queue. `lag` and `peak_lag` are in items unless the items carry `start` and `end` samples."""

    name: str
    policy: Policy
    passed: int = 0
    dropped: int = 0
    depth: int = 0
    peak: int = 0
    lag: int = 0
    peak_lag: int = 0


class BoundedQueue(Generic[T]):
    """A bounded queue with a named drop policy.

    policy: "block": `put` waits for room. "drop_oldest": the oldest item goes. "latest": only the newest is kept,
        whatever the capacity (for state that supersedes itself, such as a live view).
    """

    def __init__(self, capacity: int, policy: Policy = "block", name: str = "") -> None:
        if capacity < 1:
            raise ValueError(f"queue {name!r}: capacity must be at least 1, not {capacity}")
        if policy not in ("block", "drop_oldest", "latest"):
            raise ValueError(f"queue {name!r}: unknown drop policy {policy!r}")
        self.name = name
        self.policy: Policy = policy
        self.capacity = 1 if policy == "latest" else capacity
        self.passed = 0
        self.dropped = 0
        self.peak = 0
        self.peak_lag = 0
        self._items: deque[T] = deque()
        self._getter: asyncio.Future[None] | None = None
        self._putters: deque[asyncio.Future[None]] = deque()
        self._closed = False

    def __len__(self) -> int:
        return len(self._items)

    @property
    def closed(self) -> bool:
        return self._closed

    @property
    def lag(self) -> int:
        """Samples between the oldest item waiting and the end of the newest (items, if they carry no times)."""
        if not self._items:
            return 0
        start = getattr(self._items[0], "start", None)
        return len(self._items) if start is None else self._items[-1].end - start  # type: ignore[attr-defined]

    def stats(self) -> QueueStats:
        return QueueStats(
            self.name, self.policy, self.passed, self.dropped, len(self._items), self.peak, self.lag, self.peak_lag
        )

    def put_nowait(self, item: T) -> bool:
        """Put without waiting. Returns whether nothing was lost; a full "block" queue refuses and counts the item."""
        if self._closed:
            raise QueueClosed(f"queue {self.name!r} is closed")
        items = self._items
        kept = True
        if len(items) >= self.capacity:
            self.dropped += 1
            if self.policy == "block":
                return False
            items.popleft()
            kept = False
        items.append(item)
        depth = len(items)
        if depth > self.peak:
            self.peak = depth
        lag = self.lag
        if lag > self.peak_lag:
            self.peak_lag = lag
        getter = self._getter
        if getter is not None and not getter.done():
            getter.set_result(None)
        return kept

    async def put(self, item: T) -> None:
        """Put; a full "block" queue waits for room. Raises QueueClosed."""
        while self.policy == "block" and len(self._items) >= self.capacity and not self._closed:
            putter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._putters.append(putter)
            try:
                await putter
            except BaseException:
                if putter.done() and not putter.cancelled():
                    self._wake_putter()  # hand the room we were given to the next one
                raise
            finally:
                if putter in self._putters:
                    self._putters.remove(putter)
        self.put_nowait(item)

    async def get(self) -> T:
        """The oldest item; waits for one. Raises QueueClosed when closed and empty."""
        items = self._items
        while not items:
            if self._closed:
                raise QueueClosed(f"queue {self.name!r} is closed")
            if self._getter is not None and not self._getter.done():
                raise RuntimeError(f"queue {self.name!r} has two consumers")
            self._getter = getter = asyncio.get_running_loop().create_future()
            try:
                await getter
            finally:
                if self._getter is getter:  # else a new consumer waits already
                    self._getter = None
        return self._take()

    def get_nowait(self) -> T | None:
        """The oldest item, or None."""
        return self._take() if self._items else None

    def clear(self) -> int:
        """Drop everything that waits (a flush, not an overflow: not counted as dropped). Returns how many."""
        cleared = len(self._items)
        self._items.clear()
        for _ in range(cleared):
            self._wake_putter()
        return cleared

    def close(self) -> None:
        """No more puts; the consumer still gets what is held, then QueueClosed."""
        self._closed = True
        if self._getter is not None and not self._getter.done():
            self._getter.set_result(None)
        for putter in self._putters:
            if not putter.done():
                putter.set_result(None)

    def __aiter__(self) -> AsyncIterator[T]:
        return self

    async def __anext__(self) -> T:
        try:
            return await self.get()
        except QueueClosed:
            raise StopAsyncIteration from None

    def _take(self) -> T:
        item = self._items.popleft()
        self.passed += 1
        if self._putters:
            self._wake_putter()
        return item

    def _wake_putter(self) -> None:
        while self._putters:
            putter = self._putters.popleft()
            if not putter.done():
                putter.set_result(None)
                return


def all_stats(queues: dict[str, BoundedQueue[Any]]) -> dict[str, QueueStats]:
    return {name: queue.stats() for name, queue in queues.items()}
