"""Wall time is only ever asked of an injected clock; a virtual one makes an hour run in seconds.

`VirtualClock.run` drives a coroutine on an event loop whose time jumps to the next timer whenever nothing is ready
to run, so every `asyncio.sleep`, timeout and pacing loop inside is virtual and the order of events is always the
same. The idea is that of LiveKit's tests; the clock here is injected, nothing is patched.
"""

from __future__ import annotations

import asyncio
import selectors
import sys
import time
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """What a session asks for time. `virtual`: computing costs no time on it."""

    virtual: bool

    def now(self) -> float:
        """Monotonic seconds."""
        ...

    def wall(self) -> float:
        """Seconds since 1970 (UTC), as the system has them. A session in virtual time asks only once, at its start."""
        ...

    def suspended(self) -> float:
        """Seconds since the system's start for which it was suspended, and `now` stood still."""
        ...

    async def sleep_until(self, when: float) -> None: ...

    def hold(self) -> Any:
        """Context manager around a wait for the world outside (a server): time passes as it really does."""
        ...


class SystemClock:
    """The machine's monotonic clock."""

    virtual = False

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    def suspended(self) -> float:
        # Linux counts suspension in CLOCK_BOOTTIME only, macOS in CLOCK_MONOTONIC only; Windows in the clock of `now`.
        if sys.platform == "linux":
            return time.clock_gettime(time.CLOCK_BOOTTIME) - time.clock_gettime(time.CLOCK_MONOTONIC)
        if sys.platform == "darwin":
            return time.clock_gettime(time.CLOCK_MONOTONIC) - time.clock_gettime(time.CLOCK_UPTIME_RAW)
        return 0.0

    async def sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - time.monotonic()))

    @contextmanager
    def hold(self) -> Iterator[None]:
        yield


class VirtualClock:
    """A clock that advances only when every task waits; use `run` in place of `asyncio.run`."""

    virtual = True

    def __init__(self, start: float = 0.0) -> None:
        self._now = start
        self._holds = 0

    def now(self) -> float:
        return self._now

    def wall(self) -> float:
        return time.time()

    def suspended(self) -> float:
        return 0.0

    async def sleep_until(self, when: float) -> None:
        await asyncio.sleep(max(0.0, when - self._now))

    @contextmanager
    def hold(self) -> Iterator[None]:
        self._holds += 1
        try:
            yield
        finally:
            self._holds -= 1

    def run(self, main: Coroutine[Any, Any, T], *, debug: bool = False) -> T:
        """Run `main` to its end in virtual time."""
        with asyncio.Runner(debug=debug, loop_factory=lambda: _VirtualLoop(self)) as runner:
            return runner.run(main)


class _VirtualSelector(selectors.DefaultSelector):
    """Where a real loop would sleep until its next timer, moves the clock there instead."""

    def __init__(self, clock: VirtualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        if self._clock._holds:
            began = time.monotonic()
            ready = super().select(timeout)
            self._clock._now += time.monotonic() - began
            return ready
        if timeout is None:  # no timer at all: only a thread or a socket can wake the loop
            return super().select(None)
        ready = super().select(0)
        if not ready and timeout > 0:
            self._clock._now += timeout
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self, clock: VirtualClock) -> None:
        super().__init__(_VirtualSelector(clock))
        self._clock = clock
        # Timers that are due within the resolution run in one pass, so rounding never needs a second one.
        self._clock_resolution = 1e-9

    def time(self) -> float:
        return self._clock._now
