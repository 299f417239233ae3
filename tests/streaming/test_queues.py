"""Bounded queues against a model: nothing is lost, reordered, miscounted or left asleep."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from duplex.streaming.audio import AudioChunk
from duplex.streaming.errors import QueueClosed
from duplex.streaming.queues import BoundedQueue, all_stats


@dataclass(frozen=True)
class Item:
    """Its place on the clock: items are four samples long."""

    number: int

    @property
    def start(self) -> int:
        return 4 * self.number

    @property
    def end(self) -> int:
        return self.start + 4


class QueueMachine(RuleBasedStateMachine):
    """Puts, gets, cancellations, clears and a close in any order, with the loop run to rest or only by one pass.

    The model follows each item at the moment when the queue takes it in or gives it out.
    """

    @initialize(policy=st.sampled_from(["block", "drop_oldest", "latest"]), capacity=st.integers(1, 4))
    def make(self, policy: str, capacity: int) -> None:
        self.loop = asyncio.new_event_loop()
        self.queue: BoundedQueue[Item] = BoundedQueue(capacity, policy, "model")  # type: ignore[arg-type]
        self.held: deque[Item] = deque()
        self.number = 0
        self.passed = self.dropped = self.peak = self.peak_lag = 0
        self.polled: list[Item] = []
        self.got: list[Item] = []
        self.putters: list[asyncio.Task[None]] = []
        self.getter: asyncio.Task[None] | None = None
        self.follow()

    def follow(self) -> None:
        put, take, clear = self.queue.put_nowait, self.queue._take, self.queue.clear

        def put_nowait(item: Item) -> bool:
            kept = put(item)
            full = len(self.held) == self.queue.capacity
            if full and self.queue.policy == "block":
                self.dropped += 1
                assert not kept
                return kept
            if full:
                self.dropped += 1
                self.held.popleft()
            assert kept is not full
            self.held.append(item)
            self.peak = max(self.peak, len(self.held))
            self.peak_lag = max(self.peak_lag, self.held[-1].end - self.held[0].start)
            return kept

        def take_one() -> Item:
            item = take()
            assert item == self.held.popleft()
            self.passed += 1
            return item

        def clear_all() -> int:
            assert clear() == len(self.held)
            count = len(self.held)
            self.held.clear()
            return count

        self.queue.put_nowait, self.queue._take, self.queue.clear = put_nowait, take_one, clear_all  # type: ignore[method-assign]

    def make_item(self) -> Item:
        self.number += 1
        return Item(self.number)

    def one_pass(self) -> None:
        self.loop.call_soon(self.loop.stop)
        self.loop.run_forever()

    @rule()
    def put_without_waiting(self) -> None:
        if self.queue.closed:
            with pytest.raises(QueueClosed):
                self.queue.put_nowait(self.make_item())
        else:
            self.queue.put_nowait(self.make_item())

    @rule()
    def put(self) -> None:
        self.putters.append(self.loop.create_task(self.queue.put(self.make_item())))

    @rule()
    def get_without_waiting(self) -> None:
        expected = self.held[0] if self.held else None
        item = self.queue.get_nowait()
        assert item == expected
        self.polled += [] if item is None else [item]

    @precondition(lambda self: self.getter is None or self.getter.done())
    @rule()
    def get(self) -> None:
        async def get() -> None:
            self.got.append(await self.queue.get())

        self.getter = self.loop.create_task(get())

    @precondition(lambda self: self.putters)
    @rule(data=st.data())
    def cancel_a_put(self, data: st.DataObject) -> None:
        self.putters[data.draw(st.integers(0, len(self.putters) - 1))].cancel()

    @precondition(lambda self: self.getter is not None)
    @rule()
    def cancel_the_get(self) -> None:
        assert self.getter is not None
        self.getter.cancel()

    @rule()
    def clear(self) -> None:
        self.queue.clear()

    @precondition(lambda self: self.number > 8)
    @rule()
    def close(self) -> None:
        self.queue.close()

    @rule()
    def run_one_pass(self) -> None:
        self.one_pass()

    @rule()
    def run_to_rest(self) -> None:
        for _ in range(4 + 3 * len(self.putters)):
            self.one_pass()
        waiting = [task for task in self.putters if not task.done()]
        getting = self.getter is not None and not self.getter.done()
        assert not (getting and (self.held or self.queue.closed)), "the consumer sleeps beside an item"
        room = len(self.held) < self.queue.capacity
        assert not (waiting and (room or self.queue.closed)), "a producer sleeps beside room"
        for task in self.putters:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                assert isinstance(error, QueueClosed)
                assert self.queue.closed
        if self.getter is not None and self.getter.done() and not self.getter.cancelled():
            error = self.getter.exception()
            assert error is None or (isinstance(error, QueueClosed) and self.queue.closed)
        self.putters = waiting

    @invariant()
    def agrees_with_the_model(self) -> None:
        if not hasattr(self, "queue"):
            return
        assert list(self.queue._items) == list(self.held)
        assert len(self.queue) == len(self.held) <= self.queue.capacity
        lag = self.held[-1].end - self.held[0].start if self.held else 0
        stats = self.queue.stats()
        assert (stats.passed, stats.dropped) == (self.passed, self.dropped)
        assert (stats.depth, stats.peak) == (len(self.held), self.peak)
        assert (stats.lag, stats.peak_lag) == (lag, self.peak_lag)
        assert stats.passed == len(self.got) + len(self.polled), "an item was taken and reached nobody"

    def teardown(self) -> None:
        if not hasattr(self, "loop"):
            return
        self.queue.close()
        self.run_to_rest()
        assert not self.putters, "close wakes every producer"
        self.loop.close()


TestQueueMachine = QueueMachine.TestCase
TestQueueMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def chunk(index: int, length: int = 320) -> AudioChunk:
    return AudioChunk(index * length, np.zeros(length, np.float32))


async def test_block_makes_the_producer_wait() -> None:
    queue: BoundedQueue[int] = BoundedQueue(2)
    await queue.put(1)
    await queue.put(2)
    third = asyncio.create_task(queue.put(3))
    await asyncio.sleep(0)
    assert not third.done()
    assert await queue.get() == 1
    await third
    assert [await queue.get(), await queue.get()] == [2, 3]
    assert queue.stats().dropped == 0


async def test_a_full_block_queue_refuses_what_cannot_wait() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1)
    assert queue.put_nowait(1)
    assert not queue.put_nowait(2)
    assert await queue.get() == 1
    assert queue.stats().dropped == 1


async def test_drop_oldest_keeps_the_newest() -> None:
    queue: BoundedQueue[int] = BoundedQueue(3, "drop_oldest")
    assert [queue.put_nowait(item) for item in range(5)] == [True, True, True, False, False]
    assert [await queue.get() for _ in range(3)] == [2, 3, 4]
    assert queue.stats().dropped == 2


async def test_latest_keeps_one_whatever_the_capacity() -> None:
    queue: BoundedQueue[int] = BoundedQueue(100, "latest")
    for item in range(5):
        await queue.put(item)
    assert (len(queue), await queue.get(), queue.stats().dropped) == (1, 4, 4)


async def test_lag_is_in_samples_where_items_have_times() -> None:
    queue: BoundedQueue[AudioChunk] = BoundedQueue(10, "drop_oldest", "audio")
    assert queue.lag == 0
    for index in range(4):
        queue.put_nowait(chunk(index))
    assert queue.lag == 4 * 320
    await queue.get()
    assert (queue.lag, queue.stats().peak_lag) == (3 * 320, 4 * 320)


async def test_lag_is_in_items_where_they_have_none() -> None:
    queue: BoundedQueue[str] = BoundedQueue(10)
    for word in ("to", "be", "or"):
        queue.put_nowait(word)
    assert queue.lag == queue.stats().peak_lag == 3


async def test_close_ends_the_iteration_after_what_is_held() -> None:
    queue: BoundedQueue[int] = BoundedQueue(5)
    queue.put_nowait(1)
    queue.put_nowait(2)
    queue.close()
    assert [item async for item in queue] == [1, 2]
    with pytest.raises(QueueClosed, match="'' is closed"):
        queue.put_nowait(3)
    with pytest.raises(QueueClosed):
        await queue.get()


async def test_close_wakes_a_waiting_consumer_and_waiting_producers() -> None:
    empty: BoundedQueue[int] = BoundedQueue(1)
    getting = asyncio.create_task(empty.get())
    full: BoundedQueue[int] = BoundedQueue(1)
    full.put_nowait(0)
    putting = [asyncio.create_task(full.put(index)) for index in (1, 2)]
    await asyncio.sleep(0)
    empty.close()
    full.close()
    for outcome in await asyncio.gather(getting, *putting, return_exceptions=True):
        assert isinstance(outcome, QueueClosed)
    assert await full.get() == 0


async def test_a_get_cancelled_as_its_item_arrives_loses_nothing() -> None:
    queue: BoundedQueue[int] = BoundedQueue(5)
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait(7)
    getting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await getting
    assert await queue.get() == 7


async def test_a_new_consumer_may_follow_one_that_is_being_cancelled() -> None:
    """The old one's end must not wipe out the new one's wake-up."""
    queue: BoundedQueue[int] = BoundedQueue(5)
    old = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put_nowait(1)
    old.cancel()
    assert queue.get_nowait() == 1
    asyncio.get_running_loop().call_later(0.01, queue.put_nowait, 2)
    async with asyncio.timeout(5.0):  # the old one ends while this one waits
        assert await queue.get() == 2
    assert old.cancelled()


async def test_a_put_cancelled_as_room_appears_passes_the_room_on() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1)
    queue.put_nowait(0)
    first, second = (asyncio.create_task(queue.put(index)) for index in (1, 2))
    await asyncio.sleep(0)
    assert queue.get_nowait() == 0
    first.cancel()
    await asyncio.wait_for(second, 5.0)
    assert await queue.get() == 2
    assert first.cancelled()


async def test_two_consumers_are_one_too_many() -> None:
    queue: BoundedQueue[int] = BoundedQueue(1)
    first = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two consumers"):
        await queue.get()
    queue.put_nowait(1)
    assert await first == 1


async def test_clear_gives_room_and_is_not_a_drop() -> None:
    queue: BoundedQueue[int] = BoundedQueue(2)
    queue.put_nowait(1)
    queue.put_nowait(2)
    waiting = asyncio.create_task(queue.put(3))
    await asyncio.sleep(0)
    assert queue.clear() == 2
    await waiting
    assert (len(queue), queue.stats().dropped) == (1, 0)


def test_impossible_queues_are_refused() -> None:
    with pytest.raises(ValueError, match="capacity"):
        BoundedQueue(0)
    with pytest.raises(ValueError, match="drop policy"):
        BoundedQueue(1, "forget")  # type: ignore[arg-type]


def test_stats_of_many() -> None:
    queues = {"a": BoundedQueue(1, name="a"), "b": BoundedQueue(2, "latest", "b")}
    queues["a"].put_nowait(1)
    stats = all_stats(queues)
    assert (stats["a"].depth, stats["b"].policy) == (1, "latest")
