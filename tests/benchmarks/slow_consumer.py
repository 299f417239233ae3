"""A consumer 25 % too slow, 25 ms for each frame of 20 ms: how far behind it falls, and what is counted.

python -m tests.benchmarks.slow_consumer [--pipecat-python PATH] [--seconds 8]

Lag is the age of a frame when the consumer is done with it, in ms. A bounded queue of 200 ms keeps it bounded by
dropping, and says how much; without a bound it grows for as long as the call lasts.
"""

from __future__ import annotations

import argparse
import asyncio
import time

import numpy as np

from duplex.streaming.audio import FRAME, SAMPLE_RATE, AudioChunk
from duplex.streaming.queues import BoundedQueue, QueueStats
from tests.benchmarks import peers
from tests.benchmarks.report import quantile, table, versions

PACE, CONSUME = 0.020, 0.025
CAPACITY = 10


async def run(frames: int) -> tuple[dict[int, float], QueueStats]:
    """Lags in seconds by the number of the frame, and the queue's own counters."""
    queue: BoundedQueue[AudioChunk] = BoundedQueue(CAPACITY, "drop_oldest", "to a slow consumer")
    silence, stamps, lags = np.zeros(FRAME, np.float32), [0.0] * frames, {}

    async def consume() -> None:
        due = 0.0
        async for chunk in queue:
            index = chunk.start // FRAME
            due = max(due, stamps[index]) + CONSUME  # on average exactly so slow, however late the timers are
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            lags[index] = time.perf_counter() - stamps[index]

    async with asyncio.TaskGroup() as group:
        group.create_task(consume())
        began = time.perf_counter()
        for index in range(frames):
            await asyncio.sleep(max(0.0, began + index * PACE - time.perf_counter()))
            stamps[index] = time.perf_counter()
            queue.put_nowait(AudioChunk(index * FRAME, silence))
        queue.close()
    return lags, queue.stats()


def row(name: str, lags: dict[int, float], frames: int, dropped: str) -> list[object]:
    marks = [frames // 8, frames // 2, frames - 1]
    near = [lags[min(lags, key=lambda index, mark=mark: abs(index - mark))] * 1e3 for mark in marks]
    values = list(lags.values())
    return [name, *near, quantile(values, 0.5) * 1e3, quantile(values, 0.95) * 1e3, max(values) * 1e3, dropped]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers.add_option(parser)
    parser.add_argument("--seconds", type=float, default=8.0, help="of input (default 8)")
    options = parser.parse_args()
    frames = round(options.seconds / PACE)
    print(versions(["numpy"]))
    lags, stats = asyncio.run(run(frames))
    rows = [row(f"BoundedQueue({CAPACITY}, drop_oldest)", lags, frames, f"{stats.dropped} counted")]
    if options.pipecat_python:
        answer = peers.pipecat(options.pipecat_python, stages=1, frames=frames, pace=PACE, consume=CONSUME)
        rows.append(row(f"pipecat-ai {answer['version']}", dict(enumerate(answer["latencies"])), frames, "none"))
    else:
        print("pipecat is left out: name an interpreter that has it with --pipecat-python")
    early, half, end = (f"at {options.seconds * part:.0f} s" for part in (1 / 8, 1 / 2, 1))
    print(f"\n{table(['lag, ms', early, half, end, 'p50', 'p95', 'most', 'dropped frames'], rows)}")
    peak = stats.peak_lag / SAMPLE_RATE * 1e3
    print(f"\nthe queue's own counters: {stats.passed} passed, {stats.dropped} dropped, peak lag {peak:.0f} ms")


if __name__ == "__main__":
    main()
