"""The inference pool: bounded, off the loop, timed, and honest about what it did not run."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable

import pytest

from duplex.streaming.clock import VirtualClock
from duplex.streaming.errors import StageError, StalledError
from duplex.streaming.pool import InferencePool, Timing


class Gate:
    """A step that waits until it is let go, and counts how many were inside at once."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.lock = threading.Lock()
        self.inside = self.most = self.begun = 0

    def step(self, value: int = 0) -> int:
        with self.lock:
            self.inside += 1
            self.begun += 1
            self.most = max(self.most, self.inside)
        assert self.open.wait(30.0)
        with self.lock:
            self.inside -= 1
        return value


async def until(condition: Callable[[], bool]) -> None:
    while not condition():  # noqa: ASYNC110 (what it waits for happens on another thread)
        await asyncio.sleep(0.001)


async def test_steps_run_on_the_pool_s_own_threads() -> None:
    pool = InferencePool(1)
    try:
        name = await pool.run("who", lambda: threading.current_thread().name)
        assert name.startswith("duplex-inference")
        assert await pool.run("sum", lambda *values: sum(values), 1, 2, 3) == 6
    finally:
        pool.close()


async def test_no_more_steps_at_once_than_workers() -> None:
    pool, gate = InferencePool(workers=2), Gate()
    tasks = [asyncio.create_task(pool.run("gated", gate.step, index)) for index in range(6)]
    await until(lambda: gate.inside == 2)
    gate.open.set()
    assert await asyncio.gather(*tasks) == list(range(6))
    assert gate.most == 2
    pool.close()


async def test_urgent_steps_overtake_those_that_wait() -> None:
    pool, gate, order = InferencePool(workers=1), Gate(), []
    first = asyncio.create_task(pool.run("gated", gate.step))
    await until(lambda: gate.inside == 1)
    names = ["load", "restore", "unknown", "speak", "recognize", "endpoint", "recognize"]
    tasks = [asyncio.create_task(pool.run(name, order.append, name)) for name in names]
    await asyncio.sleep(0)
    gate.open.set()
    await asyncio.gather(first, *tasks)
    assert order == ["endpoint", "recognize", "recognize", "speak", "restore", "unknown", "load"]
    pool.close()


async def test_deciding_waits_for_nobody_else() -> None:
    pool, gate = InferencePool(workers=1), Gate()
    others = [asyncio.create_task(pool.run("recognize", gate.step)) for _ in range(3)]
    await until(lambda: gate.inside == 1)
    assert await pool.run("decide", lambda: gate.inside) == 1
    gate.open.set()
    await asyncio.gather(*others)
    decisions = [asyncio.create_task(pool.run("decide", gate.step)) for _ in range(3)]
    await asyncio.gather(*decisions)
    assert gate.most == 1  # one at a time, as well
    pool.close()


async def test_a_stuck_step_is_given_up_and_its_worker_replaced() -> None:
    pool, gate = InferencePool(workers=1), Gate()
    for _ in range(3):
        with pytest.raises(StalledError, match=r"'gated' was given up after 0\.02 s"):
            await pool.run("gated", gate.step, limit=0.02)
    assert (gate.inside, pool.stuck) == (3, 3)
    assert await pool.run("fine", lambda: 7) == 7
    gate.open.set()
    await until(lambda: pool.stuck == 0)
    assert await pool.run("fine", lambda: 8) == 8
    await pool.aclose()


async def test_the_size_of_the_pool_is_kept_when_given_up_steps_end() -> None:
    pool, stuck, gate = InferencePool(workers=2), Gate(), Gate()
    with pytest.raises(StalledError):
        await pool.run("stuck", stuck.step, limit=0.01)
    stuck.open.set()
    await until(lambda: pool.stuck == 0)
    tasks = [asyncio.create_task(pool.run("gated", gate.step, index)) for index in range(6)]
    await until(lambda: gate.inside == 2)
    gate.open.set()
    await asyncio.gather(*tasks)
    assert gate.most == 2
    pool.close()


async def test_closing_waits_beside_the_loop_and_no_longer_than_told() -> None:
    pool, gate, beats = InferencePool(workers=1), Gate(), 0
    task = asyncio.create_task(pool.run("gated", gate.step))
    await until(lambda: gate.inside == 1)

    async def beat() -> None:
        nonlocal beats
        while True:
            beats += 1
            await asyncio.sleep(0.001)

    heart = asyncio.create_task(beat())
    await pool.aclose(limit=0.05)
    heart.cancel()
    assert beats > 3 and gate.inside == 1 and pool.stuck == 1
    gate.open.set()
    assert await task == 0


async def test_the_loop_goes_on_while_a_step_runs() -> None:
    pool, gate = InferencePool(1), Gate()
    task = asyncio.create_task(pool.run("gated", gate.step))
    for _ in range(100):
        await asyncio.sleep(0)
    assert not task.done()
    gate.open.set()
    await task
    pool.close()


async def test_errors_reach_the_caller_and_free_the_place() -> None:
    pool = InferencePool(workers=1)

    def fail() -> None:
        raise LookupError("no such word")

    for _ in range(3):
        with pytest.raises(LookupError, match="no such word"):
            await pool.run("failing", fail)
    assert await pool.run("fine", lambda: 1) == 1
    assert pool.timings["failing"].calls == 3
    pool.close()


async def test_an_iterator_s_end_is_an_error_not_a_hang() -> None:
    pool = InferencePool(1)
    async with asyncio.timeout(10.0):
        with pytest.raises(RuntimeError, match="step 'next' raised StopIteration"):
            await pool.run("next", next, iter(()))
    pool.close()


async def test_a_cancelled_caller_s_step_keeps_its_place_until_it_ends() -> None:
    pool, gate = InferencePool(workers=1), Gate()
    first = asyncio.create_task(pool.run("gated", gate.step, 1))
    await until(lambda: gate.inside == 1)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    second = asyncio.create_task(pool.run("gated", gate.step, 2))
    await asyncio.sleep(0.02)
    assert gate.begun == 1
    gate.open.set()
    assert await second == 2
    assert gate.most == 1
    pool.close()


async def test_a_queued_step_of_a_cancelled_caller_never_runs() -> None:
    pool, gate = InferencePool(workers=1), Gate()
    first = asyncio.create_task(pool.run("gated", gate.step, 1))
    await until(lambda: gate.inside == 1)
    queued = asyncio.create_task(pool.run("gated", gate.step, 2))
    await asyncio.sleep(0)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    await asyncio.sleep(0)
    gate.open.set()
    await first
    assert await pool.run("after", lambda: gate.begun) == 1
    pool.close()


async def test_close_finishes_what_runs_and_names_what_it_drops() -> None:
    pool, gate = InferencePool(workers=1), Gate()
    tasks = [asyncio.create_task(pool.run("gated", gate.step, index)) for index in range(4)]
    await until(lambda: gate.inside == 1)
    threading.Timer(0.02, gate.open.set).start()
    pool.close()
    outcomes = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 10.0)
    assert outcomes[0] == 0
    for outcome in outcomes[1:]:
        assert isinstance(outcome, StageError) and "the inference pool is closed" in str(outcome)
    with pytest.raises(StageError, match="'late' cannot run"):
        await pool.run("late", lambda: 1)
    pool.close()


async def test_a_step_may_end_after_its_loop() -> None:
    """The pool outlives a loop that was cancelled in the middle of a step."""
    pool, gate = InferencePool(1), Gate()

    def other_loop() -> None:
        async def main() -> None:
            task = asyncio.create_task(pool.run("gated", gate.step))
            await until(lambda: gate.inside == 1)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

        asyncio.run(main())

    thread = threading.Thread(target=other_loop)
    thread.start()
    await until(lambda: not thread.is_alive())
    gate.open.set()
    pool.close()
    assert gate.inside == 0


async def test_costs_are_booked_by_name_from_every_thread() -> None:
    pool = InferencePool(workers=4)
    await asyncio.gather(*(pool.run(f"step {index % 2}", time.sleep, 0.0005) for index in range(400)))
    pool.close()
    assert [pool.timings[name].calls for name in ("step 0", "step 1")] == [200, 200]
    assert pool.timings["step 0"].quantile(0.5) >= 0.0005
    assert pool.timings["step 0"].total >= 200 * 0.0005


def test_timing_remembers_the_last_steps_only() -> None:
    timing = Timing()
    assert timing.quantile(0.5) == 0.0
    for index in range(5000):
        timing.add(float(index))
    assert (timing.calls, len(timing.recent)) == (5000, 2048)
    assert timing.quantile(1.0) == 4999.0
    assert timing.quantile(0.0) == 5000 - 2048


def test_inline_steps_take_no_virtual_time_and_keep_their_order() -> None:
    clock, pool, order = VirtualClock(), InferencePool(inline=True), []

    async def main() -> None:
        caller = threading.get_ident()
        assert await pool.run("where", threading.get_ident) == caller
        await asyncio.gather(*(pool.run("order", order.append, index) for index in range(20)))
        with pytest.raises(ZeroDivisionError):
            await pool.run("failing", lambda: 1 / 0)

    clock.run(main())
    assert order == list(range(20))
    assert clock.now() == 0.0
    assert pool.timings["order"].calls == 20
    pool.close()


def test_inline_steps_may_cost_virtual_time_and_share_the_workers() -> None:
    clock = VirtualClock()

    async def main() -> None:
        pool = InferencePool(workers=2, inline=True, cost=lambda name: 3.0 if name == "slow" else 0.0)
        await pool.run("fast", lambda: None)
        assert clock.now() == 0.0
        await asyncio.gather(*(pool.run("slow", lambda: None) for _ in range(4)))
        assert clock.now() == pytest.approx(6.0)

    clock.run(main())
