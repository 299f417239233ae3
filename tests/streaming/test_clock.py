"""Virtual time: order, timeouts, threads and waits for the world outside, without waiting."""

from __future__ import annotations

import asyncio
import socket
import threading
import time

import pytest

from duplex.streaming.clock import Clock, SystemClock, VirtualClock


def test_timers_fire_in_the_order_of_their_times() -> None:
    clock = VirtualClock()
    fired: list[tuple[str, float]] = []

    async def after(seconds: float, name: str) -> None:
        await asyncio.sleep(seconds)
        fired.append((name, clock.now()))

    async def main() -> None:
        async with asyncio.TaskGroup() as group:
            for seconds, name in ((3.0, "c"), (1.0, "a"), (2.0, "b"), (1.0, "a2")):
                group.create_task(after(seconds, name))

    clock.run(main())
    assert fired == [("a", 1.0), ("a2", 1.0), ("b", 2.0), ("c", 3.0)]


def test_a_day_takes_no_time_and_paces_exactly() -> None:
    clock = VirtualClock()

    async def main() -> int:
        frames = 0
        while clock.now() < 86_400.0:
            frames += 1
            await clock.sleep_until(frames * 10.0)
        return frames

    assert clock.run(main()) == 8640
    assert clock.now() == pytest.approx(86_400.0)


def test_every_run_is_the_same() -> None:
    def run() -> list[tuple[str, float]]:
        clock, log = VirtualClock(), []

        async def worker(name: str, period: float) -> None:
            for index in range(50):
                await clock.sleep_until((index + 1) * period)
                log.append((name, round(clock.now(), 9)))

        async def main() -> None:
            await asyncio.gather(worker("x", 0.02), worker("y", 0.03), worker("z", 0.07))

        clock.run(main())
        return log

    assert run() == run()


def test_sleeping_until_the_past_returns_at_once() -> None:
    clock = VirtualClock(start=100.0)

    async def main() -> None:
        await clock.sleep_until(50.0)
        assert clock.now() == 100.0

    clock.run(main())


def test_timeouts_are_virtual() -> None:
    clock = VirtualClock()

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(600.0):
                await asyncio.Event().wait()
        assert clock.now() == pytest.approx(600.0)
        assert await asyncio.wait_for(asyncio.sleep(5.0, "done"), 10.0) == "done"
        assert clock.now() == pytest.approx(605.0)

    clock.run(main())


def test_what_is_ready_runs_before_time_moves() -> None:
    clock = VirtualClock()

    async def main() -> None:
        timer = asyncio.create_task(asyncio.sleep(0.001))
        for _ in range(1000):
            await asyncio.sleep(0)
            assert clock.now() == 0.0
        assert not timer.done()
        await timer

    clock.run(main())


def test_a_thread_wakes_a_loop_that_has_no_timer() -> None:
    clock = VirtualClock()

    async def main() -> str:
        loop, future = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()
        thread = threading.Thread(target=lambda: loop.call_soon_threadsafe(future.set_result, "woken"))
        thread.start()
        try:
            return await future
        finally:
            thread.join()

    assert clock.run(main()) == "woken"
    assert clock.now() == 0.0


def test_hold_lets_time_pass_as_it_does_outside() -> None:
    """A reply that takes 50 real ms arrives before a virtual timeout of 10 s, which else would fire at once."""
    clock = VirtualClock()

    async def main() -> None:
        here, there = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=here)
        answer = threading.Timer(0.05, there.sendall, [b"hello"])
        answer.start()
        with clock.hold():
            assert await asyncio.wait_for(reader.readexactly(5), 10.0) == b"hello"
        assert 0.0 < clock.now() < 10.0
        answer.join()
        writer.close()
        there.close()
        held = clock.now()
        await asyncio.sleep(1000.0)
        assert clock.now() == pytest.approx(held + 1000.0)

    clock.run(main())


def test_hold_ends_with_an_error_inside() -> None:
    clock = VirtualClock()

    async def main() -> None:
        with pytest.raises(ValueError, match="inside"), clock.hold():
            raise ValueError("inside")
        await asyncio.sleep(3600.0)

    clock.run(main())
    assert clock.now() == pytest.approx(3600.0)


def test_errors_and_results_come_out_of_run() -> None:
    async def fail() -> None:
        await asyncio.sleep(1.0)
        raise LookupError("lost")

    with pytest.raises(LookupError, match="lost"):
        VirtualClock().run(fail())
    assert VirtualClock().run(asyncio.sleep(5.0, result=7)) == 7


def test_tasks_left_behind_are_cancelled() -> None:
    cancelled: list[bool] = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def main() -> None:
        main.task = asyncio.create_task(endless())  # type: ignore[attr-defined]
        await asyncio.sleep(0)

    VirtualClock().run(main())
    assert cancelled == [True]


async def test_the_system_clock_is_the_machine_s() -> None:
    clock: Clock = SystemClock()
    before = time.monotonic()
    assert before <= clock.now() <= time.monotonic()
    when = clock.now() + 0.02
    with clock.hold():
        await clock.sleep_until(when)
    assert clock.now() >= when - 1e-3
    await clock.sleep_until(0.0)
    assert not clock.virtual and VirtualClock.virtual
