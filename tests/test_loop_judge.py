"""The judge of stalled loops: product code is blamed, a busy machine and the test itself are not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from duplex.streaming.clock import VirtualClock
from duplex.streaming.loop_watchdog import Stall
from tests.loop_judge import ROOT, by_product, complaint, judged


def _product(source: str) -> object:
    """`stall()` as if it stood in the product."""
    space: dict[str, object] = {"time": time, "np": np}
    exec(compile(source, str(ROOT / "duplex" / "conversation" / "stalling.py"), "exec"), space)
    return space["stall"]


@pytest.mark.parametrize(
    "source",
    [
        "def stall():\n    time.sleep(0.15)",
        "def stall():\n    end = time.thread_time() + 0.15\n    while time.thread_time() < end: pass",
        "def stall():\n    end = time.thread_time() + 0.15\n    while time.thread_time() < end: np.ones(10**6).sum()",
    ],
    ids=["blocked", "computed", "computed in C"],
)
def test_product_code_is_blamed(source: str) -> None:
    stall = _product(source)

    async def main() -> None:
        await asyncio.sleep(0.02)
        stall()  # type: ignore[operator]
        await asyncio.sleep(0.02)

    with judged() as watchdogs:
        asyncio.run(main())
    assert "stalling.py" in complaint(watchdogs)


def test_the_test_itself_is_not_blamed() -> None:
    async def main() -> None:
        await asyncio.sleep(0.02)
        time.sleep(0.15)  # noqa: ASYNC251
        await asyncio.sleep(0.02)

    with judged() as watchdogs:
        asyncio.run(main())
    assert watchdogs[0].longest > 0.1
    assert complaint(watchdogs) == ""


def test_a_virtual_loop_is_not_watched() -> None:
    stall = _product("def stall():\n    time.sleep(0.1)")

    async def main() -> None:
        stall()  # type: ignore[operator]
        await asyncio.sleep(100)

    with judged() as watchdogs:
        VirtualClock().run(main())
    assert complaint(watchdogs) == ""


@pytest.mark.slow
def test_product_code_that_waits_for_a_processor_is_not_blamed() -> None:
    """Three times as many busy processes as processors: short work of the product takes long, through no fault."""
    work = _product("def stall():\n    end = time.thread_time() + 0.004\n    while time.thread_time() < end: pass")
    burn = "import time\nend = time.monotonic() + 20\nwhile time.monotonic() < end: pass"
    burners = [subprocess.Popen([sys.executable, "-c", burn]) for _ in range(3 * (os.cpu_count() or 1))]

    async def main() -> None:
        until = time.monotonic() + 2
        while time.monotonic() < until:
            work()  # type: ignore[operator]
            await asyncio.sleep(0.001)

    try:
        with judged() as watchdogs:
            asyncio.run(main())
    finally:
        for burner in burners:
            burner.kill()
            burner.wait()
    if not Path("/proc/self/schedstat").exists():
        pytest.skip("this system does not tell how long a thread waited for a processor")
    assert complaint(watchdogs) == ""


def test_a_stall_during_an_import_or_in_the_testing_kit_is_not_the_products() -> None:
    product = f"{ROOT}/duplex/conversation/session.py:1 Session.feed"
    assert by_product(Stall(0.0, 0.1, 0.1, (product,)))
    assert by_product(Stall(0.0, 0.1, 0.1, (f"{ROOT}/tests/test_x.py:1 test_x", product, "/usr/lib/json.py:1 dumps")))
    assert by_product(Stall(0.0, 0.1, 0.1, (f"{ROOT}/duplex/streaming/pool.py:1 run",)))
    assert not by_product(Stall(0.0, 0.1, 0.1, (product, f"{ROOT}/duplex/testing/fakes.py:1 audio")))
    assert not by_product(Stall(0.0, 0.1, 0.1, (product, "<frozen importlib._bootstrap>:1 _load", product)))
    assert by_product(Stall(0.0, 0.3, 0.3)) and not by_product(Stall(0.0, 0.05, 0.05))
