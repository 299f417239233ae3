"""What passing a 20 ms frame from one stage to the next costs: BoundedQueue, a bare asyncio.Queue, and pipecat.

python -m tests.benchmarks.queue_hop [--pipecat-python PATH] [--rounds 5]

A source feeds a chain of tasks that only pass on what they get. Each figure is the difference between a chain of nine
and a chain of one, over the eight hops between: the source, the sink and the timer cancel out. Paced: a frame every
20 ms. Saturated: as fast as it goes. CPU is the process's own time, which other programs on the machine touch little.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from duplex.streaming.audio import FRAME, AudioChunk
from duplex.streaming.queues import BoundedQueue
from tests.benchmarks import peers
from tests.benchmarks.report import quantile, table, versions

SHORT, LONG = 1, 9
CAPACITY = 64
SILENCE = np.zeros(FRAME, np.float32)

Run = Callable[[int, int, float], tuple[float, list[float]]]
"""Stages, frames and seconds between frames to CPU seconds and each frame's latency in seconds."""


async def chain(make: Callable[[], Any], stages: int, frames: int, pace: float) -> tuple[float, list[float]]:
    """Frames through `stages` tasks joined by queues that `make` makes."""
    queues = [make() for _ in range(stages + 1)]
    stamps, latencies = [0.0] * frames, []

    async def relay(source: Any, target: Any) -> None:
        for _ in range(frames):
            await target.put(await source.get())

    async def drain() -> None:
        for index in range(frames):
            await queues[-1].get()
            latencies.append(time.perf_counter() - stamps[index])

    gc.collect()
    began_cpu, began = time.process_time(), time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for source, target in itertools.pairwise(queues):
            group.create_task(relay(source, target))
        group.create_task(drain())
        for index in range(frames):
            if pace:
                await asyncio.sleep(max(0.0, began + index * pace - time.perf_counter()))
            stamps[index] = time.perf_counter()
            await queues[0].put(AudioChunk(index * FRAME, SILENCE))
    return time.process_time() - began_cpu, latencies


def in_process(make: Callable[[], Any]) -> Run:
    return lambda stages, frames, pace: asyncio.run(chain(make, stages, frames, pace))


def pipecat(python: str) -> Run:
    def run(stages: int, frames: int, pace: float) -> tuple[float, list[float]]:
        answer = peers.pipecat(python, stages=stages, frames=frames, pace=pace)
        return answer["cpu"], answer["latencies"]

    return run


def measure(run: Run, frames: int, pace: float) -> tuple[float, float, float, float]:
    """One round, in µs: CPU per hop, p50 and p95 of the time per hop (what the longer chain adds to each), and CPU per
    frame of the whole short chain, with its source, sink and timer."""
    short_cpu, short = run(SHORT, frames, pace)
    long_cpu, long = run(LONG, frames, pace)
    hops = LONG - SHORT
    wall = [(quantile(long, q) - quantile(short, q)) / hops * 1e6 for q in (0.5, 0.95)]
    return (long_cpu - short_cpu) / hops / frames * 1e6, wall[0], wall[1], short_cpu / frames * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    peers.add_option(parser)
    parser.add_argument("--rounds", type=int, default=5, help="each engine in turn so often (default 5)")
    parser.add_argument("--seconds", type=float, default=3.0, help="of each paced run (default 3)")
    parser.add_argument("--frames", type=int, default=5000, help="of each saturated run (default 5000)")
    options = parser.parse_args()
    engines: dict[str, Run] = {
        "BoundedQueue, block": in_process(lambda: BoundedQueue(CAPACITY)),
        "BoundedQueue, drop_oldest": in_process(lambda: BoundedQueue(CAPACITY, "drop_oldest")),
        "asyncio.Queue": in_process(lambda: asyncio.Queue(CAPACITY)),
    }
    print(versions(["numpy"]))
    if options.pipecat_python:
        engines["pipecat"] = pipecat(options.pipecat_python)
        print(f"pipecat-ai {peers.pipecat(options.pipecat_python, stages=1, frames=5, pace=0.02)['version']}")
    else:
        print("pipecat is left out: name an interpreter that has it with --pipecat-python")
    for title, frames, pace in (
        ("a frame every 20 ms", round(options.seconds / 0.02), 0.02),
        ("saturated", options.frames, 0.0),
    ):
        rounds: dict[str, list[tuple[float, float, float, float]]] = {name: [] for name in engines}
        for _ in range(options.rounds):
            for name, run in engines.items():
                if pace or name != "BoundedQueue, drop_oldest":  # a producer that never waits leaves most of them out
                    rounds[name].append(measure(run, frames, pace))
        rows = []
        for name, results in rounds.items():
            if not results:
                continue
            cpu, middle, late, short = zip(*results, strict=True)
            paced = [quantile(middle, 0.5), quantile(late, 0.5)] if pace else ["-", "-"]
            rows.append([name, quantile(cpu, 0.5), min(cpu), max(cpu), *paced, quantile(short, 0.5)])
        header = ["per hop, µs", "CPU median", "least", "most", "time p50", "time p95", "CPU, chain of one"]
        print(f"\n{title} ({frames} frames, {options.rounds} rounds)\n{table(header, rows)}")


if __name__ == "__main__":
    main()
