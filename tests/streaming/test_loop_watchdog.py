"""How late the event loop runs its timers."""

import asyncio
import time

import pytest

from duplex.streaming.clock import VirtualClock
from duplex.streaming.loop_watchdog import LoopWatchdog, _bucket, _upper_edge


async def test_a_callback_that_blocks_is_a_stall_of_its_length() -> None:
    async with LoopWatchdog(0.001) as watchdog:
        await asyncio.sleep(0.01)
        time.sleep(0.1)  # noqa: ASYNC251
        await asyncio.sleep(0.01)
    assert watchdog.longest >= 0.09
    assert watchdog.longest_own >= 0.08  # it slept; it did not wait for a processor
    assert watchdog.stalls(0.08) >= 1
    assert watchdog.worst[0].late == watchdog.longest


async def test_a_stall_in_the_last_moment_counts() -> None:
    async with LoopWatchdog(0.001) as watchdog:
        await asyncio.sleep(0.01)
        time.sleep(0.1)  # noqa: ASYNC251
    assert watchdog.longest >= 0.09


async def test_the_place_of_a_stall_is_noted() -> None:
    def blocks() -> None:
        time.sleep(0.2)

    async with LoopWatchdog(0.001, trace_above=0.02) as watchdog:
        await asyncio.sleep(0.01)
        blocks()
        await asyncio.sleep(0.01)
    assert "blocks" in watchdog.worst[0].where[-1]
    assert __file__ in watchdog.worst[0].where[-1]


async def test_waiting_for_a_processor_is_not_the_programs_own(monkeypatch: pytest.MonkeyPatch) -> None:
    waited = iter([0.0, *[0.0] * 3, *[0.09] * 1000])
    monkeypatch.setattr(LoopWatchdog, "excused", lambda self: next(waited))
    watchdog = LoopWatchdog(10.0)
    watchdog.start(asyncio.get_running_loop())
    due = watchdog._due
    for late in (0.001, 0.002, 0.003, 0.1):
        watchdog._note(due + late)
    assert watchdog.longest == pytest.approx(0.1)
    assert watchdog.longest_own == pytest.approx(0.01)
    watchdog.stop()


def test_a_virtual_loop_is_never_late_and_its_clock_is_left_alone() -> None:
    async def main() -> LoopWatchdog:
        async with LoopWatchdog() as watchdog:
            time.sleep(0.03)  # noqa: ASYNC251
            await asyncio.sleep(3600)
        return watchdog

    watchdog = VirtualClock().run(main())
    assert watchdog.as_dict() == dict.fromkeys(watchdog.as_dict(), 0)


def test_the_loop_ends_without_waiting_for_it() -> None:
    async def main() -> LoopWatchdog:
        watchdog = LoopWatchdog(60.0)
        await watchdog.__aenter__()  # never left
        return watchdog

    asyncio.run(asyncio.wait_for(main(), 30))


def test_quantiles_and_counts_of_known_latenesses() -> None:
    watchdog = LoopWatchdog()
    watchdog._due = 0.0
    for late in [0.001] * 98 + [0.01, 0.5]:
        watchdog._note(late)
    assert watchdog.quantile(0.5) == pytest.approx(0.001, rel=0.045)
    assert watchdog.quantile(0.99) == pytest.approx(0.01, rel=0.045)
    assert watchdog.quantile(1.0) == watchdog.longest == 0.5
    assert (watchdog.stalls(0.0005), watchdog.stalls(0.02), watchdog.stalls(0.6)) == (100, 1, 0)


def test_memory_is_bounded() -> None:
    watchdog = LoopWatchdog()
    watchdog._due = 0.0
    for step in range(1000):
        watchdog._note(0.02 + step / 100)
    assert len(watchdog.worst) <= 16
    assert watchdog.worst[0].late == watchdog.longest
    assert watchdog.stalls() == watchdog.ticks == 1000


@pytest.mark.parametrize("late", [0.0, 1e-6, 0.004999, 0.005, 0.02, 0.0201, 3.0, 1e6])
def test_a_lateness_lies_below_the_edge_of_its_bucket(late: float) -> None:
    index = _bucket(late)
    assert late <= _upper_edge(index) or late > 100
    assert index == 0 or late * 1.0001 >= _upper_edge(index - 1)


def test_an_interval_must_be_positive() -> None:
    with pytest.raises(ValueError, match="positive"):
        LoopWatchdog(0.0)
