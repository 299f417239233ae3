"""Whether product code kept an event loop longer than one transport frame (20 ms), on a machine that is busy.

The wall time for which a tick of `LoopWatchdog` is late says nothing by itself: another process may have had the
processor. From it are taken, all measured and not estimated:

- the time that the kernel let the loop's thread wait for a processor, and the other threads of this process, which may
  have held the interpreter's lock meanwhile (`/proc/self/task/*/schedstat`);
- the time that the hypervisor took (`steal` in `/proc/stat`, 10 ms steps);
- the time of garbage collections, which scan what earlier tests left.

What is left is time for which the thread computed or was blocked in a call. It counts if the innermost frame of this
repository on the thread's stack, noted during the stall, is product code; not if the test itself, or the testing kit,
computed there, or if a module was being imported for the first time. A stall of which no stack could be noted counts
from 100 ms.

A stall of 20 to 50 ms counts if it is seen twice at one place: something that takes a millisecond takes twenty once in
thousands of runs, for a page fault or a cold cache, and a test that fails then says nothing.
"""

from __future__ import annotations

import asyncio
import gc
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from unittest import mock

from duplex.streaming.loop_watchdog import LIMIT, LoopWatchdog, Stall

ROOT = Path(__file__).resolve().parents[1]
_PRODUCT = tuple(f"{ROOT / floor}{os.sep}" for floor in ("duplex", "models", "streaming"))
_TESTING = (f"{ROOT / 'tests'}{os.sep}", f"{ROOT / 'duplex' / 'testing'}{os.sep}")
_UNTRACED = 0.1
_ONCE = 0.05


class JudgedWatchdog(LoopWatchdog):
    """A watchdog that also excuses the whole process's waits, stolen time and garbage collections."""

    def __init__(self) -> None:
        super().__init__(trace_above=LIMIT / 2)
        self._waited = 0.0
        self._threads: dict[str, int] = {}
        self._collecting = 0.0
        self._collected = 0.0

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        gc.callbacks.append(self._gc)
        super().start(loop)

    def stop(self) -> None:
        if self._gc in gc.callbacks:
            gc.callbacks.remove(self._gc)
        super().stop()

    def excused(self) -> float:
        self._waited += self._waited_since()
        return self._waited + _stolen() + self._collected

    def faults(self) -> list[Stall]:
        """Stalls that product code caused: of more than 50 ms, or of more than 20 ms and not alone at their place."""
        stalls = [stall for stall in self.worst if stall.own > LIMIT and by_product(stall)]
        places = Counter(stall.where for stall in stalls)
        return [stall for stall in stalls if stall.own > _ONCE or places[stall.where] > 1]

    def _waited_since(self) -> float:
        """Seconds that this process's threads waited for a processor since the last call; 0 where it is not known."""
        now: dict[str, int] = {}
        with suppress(OSError):
            for task in os.scandir("/proc/self/task"):
                with suppress(OSError), open(f"{task.path}/schedstat", "rb") as file:  # a thread may end meanwhile
                    now[task.name] = int(file.read().split()[1])
        waited = sum(max(0, ns - self._threads.get(thread, 0)) for thread, ns in now.items())
        self._threads = now
        return waited * 1e-9

    def _gc(self, phase: str, info: dict[str, int]) -> None:
        if phase == "start":
            self._collecting = time.monotonic()
        else:
            self._collected += time.monotonic() - self._collecting


def by_product(stall: Stall) -> bool:
    """Whether the innermost frame of the repository that was noted is product code."""
    if not stall.where:
        return stall.own > _UNTRACED
    if any("importlib._bootstrap" in frame for frame in stall.where):
        return False
    for frame in reversed(stall.where):
        # The floors are linked below duplex/: a file may be named by either way.
        place = str(Path(frame.partition(":")[0]).resolve()) if frame.startswith(os.sep) else frame
        if place.startswith(_TESTING):
            return False
        if place.startswith(_PRODUCT):
            return True
    return False


@contextmanager
def judged() -> Iterator[list[JudgedWatchdog]]:
    """Watch every event loop that runs in real time inside the block, in whichever thread."""
    watchdogs: list[JudgedWatchdog] = []
    run_forever = asyncio.BaseEventLoop.run_forever

    def watched(loop: asyncio.BaseEventLoop) -> None:
        watchdog = JudgedWatchdog()
        watchdogs.append(watchdog)
        watchdog.start(loop)
        try:
            run_forever(loop)
        finally:
            watchdog.stop()

    with mock.patch.object(asyncio.BaseEventLoop, "run_forever", watched):
        yield watchdogs


def complaint(watchdogs: list[JudgedWatchdog]) -> str:
    """What a failing test says; empty if no loop was stalled."""
    return "\n".join(
        f"product code kept the event loop for {1e3 * stall.own:.0f} ms at\n    " + "\n    ".join(stall.where)
        for watchdog in watchdogs
        for stall in watchdog.faults()
    )


def _stolen() -> float:
    try:
        with open("/proc/stat", "rb") as file:
            return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, AttributeError):
        return 0.0
