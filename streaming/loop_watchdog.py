"""Measures how late the event loop runs its timers: what one callback costs, every sound on the loop waits for.

A tick is due every few milliseconds; its lateness is the time that other callbacks kept the loop. Where the kernel
reports it (`/proc/thread-self/schedstat`, Linux), the time that the loop's thread waited for a processor is counted
apart: `longest_own` is what is left, hence what the program itself blocked or computed on the loop.
"""

from __future__ import annotations

import asyncio
import math
import os
import sys
import threading
import time
from dataclasses import dataclass
from types import FrameType, TracebackType

from duplex.streaming.clock import _VirtualLoop

LIMIT = 0.02
"""Seconds of lateness from which a tick is a stall: one transport frame."""

_FINEST = LIMIT / 2**11  # 9.8 us: everything below is one bucket
_PER_OCTAVE = 16  # buckets are 4.4 % wide, and 5, 10, 20, 40 ... ms are edges
_BUCKETS = 23 * _PER_OCTAVE
_KEPT = 16


@dataclass(frozen=True, slots=True)
class Stall:
    """One late tick. at: `time.monotonic` when it ran; late, own: seconds; where: innermost frames, outermost first."""

    at: float
    late: float
    own: float
    where: tuple[str, ...] = ()


class LoopWatchdog:
    """Lateness of a periodic tick on the running loop; reports 0 on a virtual loop, which no computing delays.

    interval: seconds between ticks; a stall shorter than that may pass between two of them.
    trace_above: a thread notes where the loop's thread stands once a tick is late by this many seconds; None: no
        thread, no notes. It costs a wake-up per half of this time.

    Memory is constant: a histogram (quantiles and counts are true to 4.4 %) and the sixteen longest stalls.
    """

    def __init__(self, interval: float = 0.005, *, trace_above: float | None = None) -> None:
        if not interval > 0:
            raise ValueError(f"interval must be positive, not {interval}")
        self.interval = interval
        self.trace_above = trace_above
        self.ticks = 0
        self.longest = 0.0
        """Seconds that the latest tick was late."""
        self.longest_own = 0.0
        """The same, less the time that the loop's thread waited for a processor."""
        self.worst: list[Stall] = []
        """The longest stalls of at least `LIMIT` seconds, longest first; at most 16."""
        self._counts = [0] * _BUCKETS
        self._due = math.inf
        self._excused = 0.0
        self._handle: asyncio.TimerHandle | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._schedstat = -1
        self._thread = 0
        self._where: tuple[str, ...] = ()
        self._ended = threading.Event()

    async def __aenter__(self) -> LoopWatchdog:
        self.start(asyncio.get_running_loop())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self, loop: asyncio.AbstractEventLoop) -> None:
        """Watch `loop`, which runs, or is about to run, in the calling thread. Does nothing for a virtual loop."""
        if isinstance(loop, _VirtualLoop) or self._handle is not None:
            return
        self._loop = loop
        self._thread = threading.get_ident()
        self._schedstat = _open_schedstat()
        self._excused = self.excused()
        self._ended.clear()
        self._schedule()
        if self.trace_above is not None:
            threading.Thread(target=self._trace, name="duplex-loop-watchdog", daemon=True).start()

    def stop(self) -> None:
        """End the watch; a stall that still lasts is counted. Call it in the thread of the loop. Idempotent."""
        if self._handle is None:
            return
        self._handle.cancel()
        self._handle = None
        if time.monotonic() > self._due:
            self._note(time.monotonic())
        self._due = math.inf
        self._ended.set()
        if self._schedstat >= 0:
            os.close(self._schedstat)
            self._schedstat = -1

    def quantile(self, q: float) -> float:
        """Lateness in seconds that a share `q` (0 to 1) of the ticks did not exceed; 0 before the first tick."""
        wanted = q * self.ticks
        seen = 0
        for index, count in enumerate(self._counts):
            seen += count
            if count and seen >= wanted:
                return min(self.longest, _upper_edge(index))
        return self.longest

    def stalls(self, limit: float = LIMIT) -> int:
        """Ticks that were late by more than `limit` seconds."""
        return 0 if self.longest <= limit else max(1, sum(self._counts[_bucket(limit) :]))

    def as_dict(self) -> dict[str, float]:
        """For metrics and summaries: ticks, stalls over 20 ms, and p50, p99, longest, longest_own in seconds."""
        return {
            "ticks": self.ticks,
            "stalls": self.stalls(),
            "p50": round(self.quantile(0.5), 6),
            "p99": round(self.quantile(0.99), 6),
            "longest": round(self.longest, 6),
            "longest_own": round(self.longest_own, 6),
        }

    def excused(self) -> float:
        """Seconds so far for which the kernel let the loop's thread wait for a processor; 0 where it does not say."""
        if self._schedstat < 0:
            return 0.0
        return int(os.pread(self._schedstat, 64, 0).split()[1]) * 1e-9

    def _schedule(self) -> None:
        assert self._loop is not None
        # The loop's own time is not asked: uvloop caches it for one iteration, which hides the stall.
        self._due = time.monotonic() + self.interval
        self._handle = self._loop.call_later(self.interval, self._tick)

    def _tick(self) -> None:
        self._note(time.monotonic())
        self._schedule()

    def _note(self, now: float) -> None:
        late = max(0.0, now - self._due)
        self.ticks += 1
        self._counts[_bucket(late)] += 1
        excused = self.excused()
        own = max(0.0, late - max(0.0, excused - self._excused))
        self._excused = excused
        if late >= LIMIT:
            self._keep(Stall(now, late, own, self._where))
        self._where = ()
        self.longest = max(self.longest, late)
        self.longest_own = max(self.longest_own, own)

    def _keep(self, stall: Stall) -> None:
        self.worst = sorted([*self.worst, stall], key=lambda kept: -kept.late)[:_KEPT]

    def _trace(self) -> None:
        above = self.trace_above
        assert above is not None
        noted = math.inf
        while not self._ended.wait(above / 2):
            due = self._due
            if due != noted and time.monotonic() - due > above:
                frame = sys._current_frames().get(self._thread)
                if due == self._due:  # still the same stall
                    self._where = _frames(frame)
                    noted = due


def _frames(frame: FrameType | None, depth: int = 12) -> tuple[str, ...]:
    named: list[str] = []
    while frame is not None and len(named) < depth:
        code = frame.f_code
        named.append(f"{code.co_filename}:{frame.f_lineno} {code.co_qualname}")
        frame = frame.f_back
    return tuple(reversed(named))


def _bucket(late: float) -> int:
    if late <= _FINEST:
        return 0
    return min(_BUCKETS - 1, 1 + int(_PER_OCTAVE * math.log2(late / _FINEST) + 1e-9))


def _upper_edge(index: int) -> float:
    return float(_FINEST * 2 ** (index / _PER_OCTAVE))


def _open_schedstat() -> int:
    try:
        return os.open("/proc/thread-self/schedstat", os.O_RDONLY)
    except OSError:
        return -1
