"""Fair shares of the inference pool, at virtual time."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter

import pytest

from duplex.serving.hosts.fair_pool import SharedPool
from duplex.streaming.errors import StageError
from duplex.streaming.pool import InferencePool
from duplex.testing import VirtualClock


def shared(workers: int = 1, **costs: float) -> SharedPool:
    return SharedPool(InferencePool(workers, inline=True, cost=lambda name: costs.get(name, 0.1)))


def test_a_call_that_asks_for_everything_does_not_starve_another() -> None:
    clock, pool = VirtualClock(), shared(step=0.1)
    waits: list[float] = []

    async def main() -> None:
        greedy, modest = pool.share("greedy"), pool.share("modest")
        flood = [asyncio.create_task(greedy.run("step", int)) for _ in range(100)]
        await clock.sleep_until(0.55)
        for _ in range(10):
            asked = clock.now()
            await modest.run("step", int)
            waits.append(clock.now() - asked)
            await clock.sleep_until(clock.now() + 0.2)
        assert sum(task.done() for task in flood) < 40
        await asyncio.gather(*flood)

    clock.run(main())
    assert max(waits) <= 0.2 + 1e-6  # the step that runs already, and its own: never the flood before it


def test_no_call_s_steps_hold_up_another_s_decisions() -> None:
    clock, pool = VirtualClock(), shared(step=0.5, decide=0.01)

    async def main() -> None:
        flood = [asyncio.create_task(pool.share("greedy").run("step", int)) for _ in range(4)]
        await clock.sleep_until(0.1)
        await pool.share("modest").run("decide", int)
        assert clock.now() == pytest.approx(0.11)
        await asyncio.gather(*flood)

    clock.run(main())


def test_time_is_shared_not_turns() -> None:
    clock, pool, done = VirtualClock(), shared(short=0.05, long=0.2), Counter[str]()

    async def main() -> None:
        shares = {name: pool.share(name) for name in ("short", "long")}

        async def work(name: str) -> None:
            while clock.now() < 20.0:
                await shares[name].run(name, int)
                done[name] += 1

        await asyncio.gather(*(work(name) for name in shares for _ in range(8)))

    clock.run(main())
    assert done["short"] * 0.05 == pytest.approx(done["long"] * 0.2, rel=0.15)


def test_idleness_earns_no_credit() -> None:
    clock, pool, done = VirtualClock(), shared(step=0.1), Counter[str]()

    async def main() -> None:
        early, late = pool.share("early"), pool.share("late")
        await late.run("step", int)

        async def work(name: str, until: float) -> None:
            share = {"early": early, "late": late}[name]
            while clock.now() < until:
                await share.run("step", int)
                done[name] += 1

        await work("early", 10.0)
        done.clear()
        await asyncio.gather(work("early", 20.0), work("late", 20.0))

    clock.run(main())
    assert abs(done["early"] - done["late"]) <= 2


def test_loading_leaves_a_worker_for_the_others() -> None:
    clock, pool = VirtualClock(), shared(workers=2, load=5.0, step=0.1)

    async def main() -> float:
        loads = [asyncio.create_task(pool.share(f"{n}").run("load", int)) for n in range(3)]
        await clock.sleep_until(0.5)
        await pool.share("call").run("step", int)
        at = clock.now()
        await asyncio.gather(*loads)
        assert clock.now() == pytest.approx(15.0)
        return at

    assert clock.run(main()) == pytest.approx(0.6)


def test_who_gives_up_waiting_leaves_no_trace_and_failures_are_the_callers() -> None:
    clock, pool = VirtualClock(), shared(step=1.0)

    def fail() -> None:
        raise StageError("broken")

    async def main() -> None:
        share = pool.share("a")
        first = asyncio.create_task(share.run("step", int))
        waiting = [asyncio.create_task(pool.share(f"{n}").run("step", int)) for n in range(3)]
        await clock.sleep_until(0.5)
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert pool.waiting == 0
        await first
        with pytest.raises(StageError, match="broken"):
            await share.run("step", fail)
        # cancelled in the very moment in which its turn comes
        one, two = asyncio.create_task(share.run("step", int)), asyncio.create_task(pool.share("b").run("step", int))
        one.add_done_callback(lambda _: two.cancel())
        await asyncio.gather(one, two, return_exceptions=True)
        assert await share.run("step", lambda: 7) == 7
        assert not pool._shares and pool._running == 0

    clock.run(main())


async def test_on_real_threads() -> None:
    pool = InferencePool(2)
    pooled = SharedPool(pool)
    try:
        shares = [pooled.share(str(number)) for number in range(5)]
        results = await asyncio.gather(*(share.run("step", lambda n=n: n * n) for n in range(20) for share in shares))
        assert sorted(results) == sorted(n * n for n in range(20) for _ in shares)
        assert pool.timings["step"].calls == 100 and all(share.spent > 0 for share in shares)
    finally:
        pool.close()


async def test_a_slot_is_free_when_its_step_has_ended_not_when_its_caller_left() -> None:
    pool, go, begun = InferencePool(1), threading.Event(), asyncio.Event()
    pooled, loop, order = SharedPool(pool), asyncio.get_running_loop(), []

    def stuck() -> None:
        loop.call_soon_threadsafe(begun.set)
        go.wait(30)

    try:
        greedy, modest = pooled.share("greedy"), pooled.share("modest")
        left = asyncio.create_task(greedy.run("step", stuck))
        await begun.wait()
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        assert pooled._running == 1 and greedy.running == 1
        # Both wait here, where order is by share, and not behind the stuck step in the pool.
        waiting = [asyncio.create_task(greedy.run("step", order.append, f"greedy {n}")) for n in range(3)]
        waiting.append(asyncio.create_task(modest.run("step", order.append, "modest")))
        await asyncio.sleep(0)
        assert pooled.waiting == 4
        go.set()
        await asyncio.gather(*waiting)
        assert order[0] == "modest" and len(order) == 4
        assert pooled._running == 0 and not pooled._shares
    finally:
        go.set()
        pool.close()


async def test_a_step_whose_caller_left_before_it_began_is_not_run() -> None:
    from duplex.serving.hosts.fair_pool import _Slot

    freed: list[float] = []
    slot = _Slot(freed.append)
    slot.caller_left()
    slot.caller_done()
    with pytest.raises(RuntimeError, match="left"):
        slot.hold(lambda: freed.append(-1.0), ())
    assert len(freed) == 1 and freed[0] >= 0
