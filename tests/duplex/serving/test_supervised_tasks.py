"""Tasks with an owner: one that fails is reported, the others go on, all end with their owner."""

from __future__ import annotations

import asyncio

import pytest

from duplex.serving.supervised_tasks import SupervisedTasks
from duplex.testing import VirtualClock


def test_a_failure_is_logged_and_reported_and_the_others_go_on(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[Exception] = []

    async def fail() -> None:
        raise ValueError("a bug")

    async def main() -> None:
        tasks, done = SupervisedTasks("room 'den'"), asyncio.Event()
        tasks.spawn("pacing", fail(), failures.append)
        tasks.spawn("other", done.wait())
        await asyncio.sleep(1)
        assert len(tasks) == 1
        done.set()
        await tasks.join()
        assert len(tasks) == 0

    VirtualClock().run(main())
    assert [str(failure) for failure in failures] == ["a bug"]
    assert "room 'den': pacing failed" in caplog.text


@pytest.mark.filterwarnings("error")
def test_cancelling_ends_all_of_them_also_from_within_and_before_they_began() -> None:
    async def main() -> None:
        tasks = SupervisedTasks("call")
        ended: list[str] = []

        async def wait(name: str) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                ended.append(name)

        async def end() -> None:
            await tasks.cancel()
            ended.append("end")

        tasks.spawn("one", wait("one"))
        await asyncio.sleep(0)
        tasks.spawn("late", wait("late"))
        tasks.spawn("end", end())
        await asyncio.sleep(1)
        assert ended == ["one", "end"] or sorted(ended) == ["end", "late", "one"]
        assert len(tasks) == 0

    VirtualClock().run(main())
