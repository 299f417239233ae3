"""Pipelines: order, gaps, failures, endings; and that a stage driven by one gives what it gives by itself."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.errors import StageError
from duplex.streaming.pipeline import Node, Pipeline, StageRunner, Timed, reason_of, stage_node
from duplex.streaming.pool import InferencePool


@dataclass
class Log:
    """A watcher that writes down."""

    lines: list[tuple[str, ...]] = field(default_factory=list)

    def capability_lost(self, capability: str, reason: str) -> None:
        self.lines.append(("lost", capability, reason))

    def capability_restored(self, capability: str) -> None:
        self.lines.append(("restored", capability))


class Sums:
    """A stage: (sum of the hop, samples of this stream so far). The flush gives the number of samples alone."""

    hop, latency, sample_rate = 160, 0, SAMPLE_RATE

    def initial_state(self, batch: int = 1) -> list[int]:
        return [0]

    def step(self, chunk: np.ndarray, state: list[int]) -> tuple[tuple[float, int], list[int]]:
        state = [state[0] + len(chunk)]
        return (round(float(chunk.sum()), 3), state[0]), state

    def flush(self, state: list[int]) -> tuple[float, int]:
        return (0.0, state[0])


async def test_items_go_in_order_and_the_end_comes_after_what_feeds_it() -> None:
    seen: list[Any] = []
    last: Node[int] = Node("last", lambda item: seen.append(item), finish=lambda: seen.append("last is over"))

    async def forward(item: int) -> None:
        await asyncio.sleep(0)
        last.put(item)

    first = Node("first", forward, finish=lambda: seen.append("first is over"))
    last.after = (first,)
    async with Pipeline(Log()) as pipeline:
        pipeline.add(last)
        pipeline.add(first)
        for item in range(20):
            first.put(item)
    assert seen[-1] == "last is over" and [item for item in seen if isinstance(item, int)] == list(range(20))
    assert seen.index("first is over") < len(seen) - 1
    assert pipeline.stats()["last"]["passed"] == 20


async def test_a_failure_costs_its_item_and_is_reported_once_until_things_work_again() -> None:
    log, seen = Log(), []

    def consume(item: int) -> None:
        if item in (2, 3):
            raise ValueError("odd input")
        seen.append(item)

    async with Pipeline(log) as pipeline:
        node = pipeline.add(Node("node", consume, capability="counting"))
        for item in range(6):
            node.put(item)
    assert seen == [0, 1, 4, 5]
    assert log.lines == [("lost", "counting", "ValueError: odd input"), ("restored", "counting")]


async def test_a_task_that_fails_is_named_and_the_rest_goes_on() -> None:
    log, seen = Log(), []

    async def fail() -> None:
        raise StageError("no more")

    async with Pipeline(log) as pipeline:
        node = pipeline.add(Node("node", seen.append))
        await asyncio.wait([pipeline.spawn("trying", fail())])
        node.put(1)
    assert (log.lines, seen) == ([("lost", "trying", "no more")], [1])


@pytest.mark.parametrize("how", ["error", "cancel"])
async def test_nothing_is_left_running(how: str) -> None:
    before = asyncio.all_tasks()

    async def wait(item: int = 0) -> None:
        await asyncio.sleep(100)

    async def body() -> None:
        async with Pipeline(Log()) as pipeline:
            pipeline.add(Node("slow", wait)).put(1)
            pipeline.spawn("waiting", wait())
            await asyncio.sleep(0.01)
            if how == "error":
                raise ZeroDivisionError
            await asyncio.sleep(100)

    task = asyncio.create_task(body())
    if how == "cancel":
        await asyncio.sleep(0.03)
        task.cancel()
    with pytest.raises(ZeroDivisionError if how == "error" else asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before


async def test_a_pipeline_that_is_not_open_starts_nothing() -> None:
    async def work() -> None:
        raise AssertionError

    with pytest.raises(StageError, match="the pipeline is not open"):
        Pipeline(Log()).spawn("work", work())


async def test_nodes_in_a_circle_are_refused() -> None:
    one: Node[int] = Node("one", print)
    other: Node[int] = Node("other", print, after=[one])
    one.after = (other,)
    with pytest.raises(StageError, match="circle"):
        async with Pipeline(Log()) as pipeline:
            pipeline.add(one)
            pipeline.add(other)


async def test_a_stage_node_runs_on_the_pool_and_flushes() -> None:
    threads: set[str] = set()

    class Where(Sums):
        def step(self, chunk: np.ndarray, state: list[int]) -> tuple[tuple[float, int], list[int]]:
            threads.add(threading.current_thread().name)
            return super().step(chunk, state)

    pool, outs = InferencePool(1), []
    async with Pipeline(Log()) as pipeline:
        node = pipeline.add(stage_node("sums", StageRunner(Where()), outs.extend, steps=pool))
        for at in range(0, 1000, 100):
            node.put(AudioChunk(at, np.ones(100, np.float32)))
    assert [timed.start for timed in outs] == [0, 160, 320, 480, 640, 800, 960, 1120]
    assert outs[-1] == Timed(1120, (0.0, 1120)) and sum(timed.out[0] for timed in outs) == 1000
    assert all(name.startswith("duplex-inference") for name in threads)
    assert pool.timings["sums"].calls == 11
    await pool.aclose()


@given(st.lists(st.tuples(st.integers(1, 700), st.integers(0, 900)), min_size=1, max_size=20))
def test_short_gaps_are_silence_of_their_length(pieces: list[tuple[int, int]]) -> None:
    """Whatever the chunks and the gaps between them: as if the gaps had been fed as silence."""
    runner, whole, at, outs = StageRunner(Sums(), longest_gap=1000), [], 0, []
    for length, gap in pieces:
        outs += runner.push(AudioChunk(at, np.ones(length, np.float32)))
        whole += [np.ones(length, np.float32), np.zeros(gap, np.float32)]
        at += length + gap
    outs += runner.flush()
    signal = np.concatenate(whole)[: at - pieces[-1][1]]
    alone = StageRunner(Sums())
    assert outs == [*alone.push(AudioChunk(0, signal)), *alone.flush()]


def test_a_long_gap_ends_the_stream_and_begins_another_at_its_true_time() -> None:
    runner = StageRunner(Sums(), longest_gap=1000)
    runner.push(AudioChunk(500, np.ones(100, np.float32)))
    outs = runner.push(AudioChunk(5000, np.ones(160, np.float32)))
    assert outs == [Timed(500, (100.0, 160)), Timed(660, (0.0, 160)), Timed(5000, (160.0, 160))]
    assert runner.origin == 5000


def test_overlapping_audio_is_dropped() -> None:
    runner = StageRunner(Sums())
    outs = runner.push(AudioChunk(0, np.ones(200, np.float32)))
    outs += runner.push(AudioChunk(100, np.ones(220, np.float32)))
    assert [timed.out for timed in outs] == [(160.0, 160), (160.0, 320)]


def test_reasons_are_one_line() -> None:
    assert reason_of(StageError("broken")) == "broken"
    assert reason_of(ValueError("odd")) == "ValueError: odd"
    assert reason_of(StageError()) == "StageError" and reason_of(KeyError()) == "KeyError"
