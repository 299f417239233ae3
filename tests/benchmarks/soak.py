"""An hour of conversation at virtual time: flat memory, nothing left behind, the identical event log twice.

    python -m tests.benchmarks.soak [--minutes 60] [--real-engines] [--computing free|charged]

Scripted engines by default: what is measured is the loop. With --real-engines the bundled demo recording is heard
again and again by the real ones. By default virtual time charges for computing by the table that
`tests.benchmarks.costs` measured, for scripted engines too, so that queues fill as they really do.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import psutil

from duplex.conversation.hearing.input_framer import MultichannelFrame
from duplex.conversation.session import Session
from duplex.engines import Engines
from duplex.events import Event
from duplex.settings import Settings
from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.pool import InferencePool
from duplex.testing import Answer, UserSpeech, VirtualClock, feed, scripted_engines
from tests.benchmarks.costs import described, measured_costs, recording_audio

PERIOD = 60.0
"""Seconds after which the script begins again."""

SCRIPT = [
    UserSpeech(0.5, 2.0, "what time is it in tokyo"),
    UserSpeech(4.0, 4.4, "mhm"),
    UserSpeech(6.0, 6.3, ""),
    UserSpeech(8.0, 9.5, "no wait i meant london"),
    UserSpeech(16.0, 17.0, "how much is the"),
    UserSpeech(18.2, 19.0, "third of nine"),
    UserSpeech(26.0, 34.0, "and then we went to the market and bought all the fish they had"),
    UserSpeech(45.0, 46.0, "thank you"),
]
ANSWERS = [Answer("one two three four five six seven eight nine ten eleven twelve")]


class Log:
    """A sink that keeps a digest of the event log and samples the memory once a minute."""

    def __init__(self) -> None:
        self.digest = hashlib.sha256()
        self.events = 0
        self.memory: list[float] = []
        self._process = psutil.Process()

    def on_input(self, frame: MultichannelFrame) -> None:
        if frame.start % (60 * SAMPLE_RATE) == 0:
            gc.collect()
            self.memory.append(self._process.memory_info().rss / 2**20)

    def on_output(self, chunk: AudioChunk) -> None:
        pass

    def on_event(self, event: Event) -> None:
        self.events += 1
        self.digest.update(json.dumps(event.as_dict(), sort_keys=True).encode())


def converse(
    minutes: float, engines: Engines, period: np.ndarray, cost: Callable[[str], float] | None
) -> tuple[Log, list[str]]:
    """Returns the log and the names of tasks left behind."""
    log, clock = Log(), VirtualClock()

    async def main() -> list[str]:
        async with Session(
            Settings(),
            engines=engines,
            clock=clock,
            pool=InferencePool(Settings().workers, inline=True, cost=cost),
            sinks=[log],
            wall_time=datetime(2026, 1, 5, 9, 30, tzinfo=UTC),
        ) as session:
            for _ in range(max(1, round(minutes * 60 * SAMPLE_RATE / len(period)))):
                await feed(session, period, clock)
            await session.finish()
        await asyncio.sleep(0)
        return [task.get_name() for task in asyncio.all_tasks() if task is not asyncio.current_task()]

    return log, clock.run(main())


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--real-engines", action="store_true")
    parser.add_argument("--computing", choices=("free", "charged"), default="charged")
    args = parser.parse_args()
    print(described() if args.computing == "charged" else "computing free")
    digests = []
    healthy = True
    for attempt in (1, 2):
        if args.real_engines:
            engines, period = Engines.from_settings(Settings()), recording_audio()
        else:
            engines = scripted_engines(SCRIPT, ANSWERS)
            period = engines.recognizer.script.audio(PERIOD)  # type: ignore[attr-defined]
        files = len(os.listdir("/proc/self/fd")) if sys.platform == "linux" else 0
        began = time.perf_counter()
        cost = measured_costs() if args.computing == "charged" else None
        log, tasks = converse(args.minutes, engines, period, cost)
        took = time.perf_counter() - began
        asyncio.run(engines.close())
        left = len(os.listdir("/proc/self/fd")) - files if sys.platform == "linux" else 0
        digests.append(log.digest.hexdigest())
        settled = log.memory[len(log.memory) // 4 :] or [0.0]
        speed = args.minutes * 60 / took
        print(f"run {attempt}: {args.minutes:.0f} min of conversation in {took:.1f} s ({speed:.0f} × real time)")
        print(f"  events {log.events}, log sha256 {digests[-1][:16]}")
        print(f"  memory {settled[0]:.1f} MB after a quarter, {settled[-1]:.1f} MB at the end")
        print(f"  tasks left {tasks or 'none'}, file descriptors left {max(0, left)}")
        healthy &= not tasks and left <= 0
    print(f"event logs identical: {digests[0] == digests[1]}")
    return 0 if healthy and digests[0] == digests[1] else 1


if __name__ == "__main__":
    sys.exit(main())
