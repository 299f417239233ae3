"""Pipelines: nodes joined by bounded queues, each running beside the others in one TaskGroup.

A node says what waits in front of it and what is dropped, where its work runs, what a gap in the audio means for it,
and what its failure takes away: its own output and nothing else. `Node` takes any items; `stage_node` makes one out of
a stage (streaming/stage.py). A session, a transcription and a diarization are graphs of such nodes.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any, Generic, Protocol, TypeVar

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE, AudioChunk
from duplex.streaming.blocks import Reblocker
from duplex.streaming.errors import DuplexError, QueueClosed, StageError
from duplex.streaming.pool import Steps
from duplex.streaming.queues import BoundedQueue, Policy
from duplex.streaming.stage import Stage

Item = TypeVar("Item")
Out = TypeVar("Out")

LONGEST_GAP = 10 * SAMPLE_RATE
"""Samples: a longer gap is not filled; the stage ends its stream before it and begins another behind it."""


class Watcher(Protocol):
    """Who is told what a pipeline cannot do any more, and what it can do again."""

    def capability_lost(self, capability: str, reason: str) -> None: ...

    def capability_restored(self, capability: str) -> None: ...


class Node(Generic[Item]):
    """A consumer with its queue.

    consume: called with each item in order; it may be a coroutine function. An item whose consumption fails is lost;
        the first such failure is reported as the loss of `capability`, the next success as its return.
    finish: called once after the last item, also a function or a coroutine function.
    capacity, policy: of the queue (streaming/queues.py). after: the nodes that feed this one: it ends after them.
    """

    def __init__(
        self,
        name: str,
        consume: Callable[[Item], Any],
        *,
        finish: Callable[[], Any] | None = None,
        capacity: int = 500,
        policy: Policy = "drop_oldest",
        capability: str = "",
        after: Sequence[Node[Any]] = (),
    ) -> None:
        self.name = name
        self.capability = capability or name
        self.after = tuple(after)
        self.queue: BoundedQueue[Item] = BoundedQueue(capacity, policy, name)
        self.busy = False
        """Whether an item is being consumed."""
        self._consume = consume
        self._finish = finish
        self._lost = False

    @property
    def idle(self) -> bool:
        """Whether nothing waits and nothing is being consumed."""
        return not self.busy and not len(self.queue)

    def put(self, item: Item) -> None:
        """Never waits; a closed node drops the item."""
        with suppress(QueueClosed):
            self.queue.put_nowait(item)

    async def run(self, watcher: Watcher) -> None:
        """Task: consume until the queue is closed and empty, then finish."""
        async for item in self.queue:
            self.busy = True
            await self._attempt(watcher, self._consume, item)
            self.busy = False
        if self._finish is not None:
            await self._attempt(watcher, self._finish)

    async def _attempt(self, watcher: Watcher, work: Callable[..., Any], *args: Any) -> None:
        try:
            result = work(*args)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            if not self._lost:
                self._lost = True
                watcher.capability_lost(self.capability, reason_of(error))
        else:
            if self._lost:
                self._lost = False
                watcher.capability_restored(self.capability)


class Pipeline:
    """Nodes and supervised tasks in one TaskGroup: `async with Pipeline(watcher) as pipeline`.

    Leaving it normally drains the nodes, those that feed others first; leaving it by an error or a cancellation stops
    everything at once. Nothing of it is left running in either case.
    """

    def __init__(self, watcher: Watcher) -> None:
        self.nodes: list[Node[Any]] = []
        self._watcher = watcher
        self._group = asyncio.TaskGroup()
        self._tasks: dict[Node[Any], asyncio.Task[None]] = {}
        self._spawned: set[asyncio.Task[None]] = set()
        self._open = False

    async def __aenter__(self) -> Pipeline:
        await self._group.__aenter__()
        self._open = True
        for node in self.nodes:
            self._start(node)
        return self

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            if kind is None:
                await self.drain()
        finally:
            self.stop()
            await self._group.__aexit__(None, None, None)  # the error of the body goes on as it is, in no group

    def add(self, node: Node[Item]) -> Node[Item]:
        """Before the pipeline is entered, or while it runs."""
        self.nodes.append(node)
        if self._open:
            self._start(node)
        return node

    def spawn(self, capability: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run a task beside the nodes until the pipeline stops; its failure is the loss of `capability`."""
        if not self._open:
            work.close()
            raise StageError(f"{capability} cannot begin: the pipeline is not open")
        task = self._supervised(capability, work)
        self._spawned.add(task)
        task.add_done_callback(self._spawned.discard)
        return task

    async def drain(self) -> None:
        """Close the nodes in the order in which they feed one another, and wait until each has finished."""
        done: set[Node[Any]] = set()
        while len(done) < len(self.nodes):
            ready = [node for node in self.nodes if node not in done and done.issuperset(node.after)]
            if not ready:
                raise StageError("the nodes of the pipeline feed one another in a circle")
            for node in ready:
                node.queue.close()
            if tasks := [self._tasks[node] for node in ready if node in self._tasks]:
                await asyncio.wait(tasks)
            done.update(ready)

    def stop(self) -> None:
        """End everything now; what waits is dropped."""
        self._open = False
        for node in self.nodes:
            node.queue.close()
        for task in (*self._tasks.values(), *self._spawned):
            task.cancel()

    def stats(self) -> dict[str, dict[str, Any]]:
        """Counters of every queue by node."""
        return {node.name: asdict(node.queue.stats()) for node in self.nodes}

    def _start(self, node: Node[Any]) -> None:
        self._tasks[node] = self._supervised(node.capability, node.run(self._watcher))

    def _supervised(self, capability: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._group.create_task(self._supervise(capability, work))
        task.add_done_callback(lambda _: work.close())  # a task that is cancelled before it begins never awaits it
        return task

    async def _supervise(self, capability: str, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception as error:
            self._watcher.capability_lost(capability, reason_of(error))


@dataclass(frozen=True, slots=True)
class Timed(Generic[Out]):
    """What a stage's step gave for the hop that begins at `start` on the sample clock."""

    start: int
    out: Out


class StageRunner(Generic[Out]):
    """One stream through a stage, from audio chunks of any size: reblocked, gaps filled or cut out, flushed at the end.

    A gap of at most `longest_gap` samples is silence of the gap's length for the stage. At a longer one the stage is
    flushed and begins a new stream, so that what comes out keeps its true times. Overlapping audio is dropped.
    """

    def __init__(
        self,
        stage: Stage[Any, Out],
        *,
        begin: Callable[[], Any] | None = None,
        longest_gap: int = LONGEST_GAP,
    ) -> None:
        """begin: makes the state of a new stream, by default `stage.initial_state(1)`."""
        self.stage = stage
        self.origin = 0
        """Sample of the clock at which the stage's current stream began."""
        self._begin = begin or (lambda: stage.initial_state(1))
        self._longest_gap = longest_gap
        self._state: Any = None
        self._blocks = Reblocker(stage.hop)
        self._next: int | None = None

    def push(self, chunk: AudioChunk) -> list[Timed[Out]]:
        """Returns what the stage gave for the hops that are complete; of a stream that ends here, its flush as well."""
        samples, outs = chunk.samples, []
        position = None if self._next is None else self._next + self._blocks.held
        if position is not None and chunk.start > position:
            if chunk.start - position > self._longest_gap:
                outs = self.flush()
            else:
                samples = np.concatenate([np.zeros(chunk.start - position, np.float32), samples])
        elif position is not None:
            samples = samples[position - chunk.start :]
        if self._next is None:
            self._next = self.origin = chunk.start
            self._state = self._begin()
        return outs + [self._step(block) for block in self._blocks.push(samples)]

    def flush(self) -> list[Timed[Out]]:
        """What is left, the last hop completed with silence; a chunk after it begins a new stream."""
        if self._next is None:
            return []
        outs = [self._step(block) for block in self._blocks.flush()]
        outs.append(Timed(self._next, self.stage.flush(self._state)))
        self._next, self._state = None, None
        return outs

    def _step(self, block: np.ndarray) -> Timed[Out]:
        assert self._next is not None
        start, self._next = self._next, self._next + len(block)
        out, self._state = self.stage.step(block, self._state)
        return Timed(start, out)


def stage_node(
    name: str,
    runner: StageRunner[Out],
    emit: Callable[[list[Timed[Out]]], None],
    *,
    steps: Steps | None = None,
    step_name: str = "",
    limit: float | None = None,
    **node: Any,
) -> Node[AudioChunk]:
    """A node that drives `runner` and hands what comes out to `emit`, on the loop.

    steps: the pool on which the stage runs, its cost booked as `step_name`; None runs it on the loop, for stages that
    take far less than a millisecond. limit: seconds after which a step is given up. node: as for Node.
    """

    async def consume(chunk: AudioChunk) -> None:
        emit(await run(runner.push, chunk))

    async def finish() -> None:
        emit(await run(runner.flush))

    async def run(work: Callable[..., list[Timed[Out]]], *args: Any) -> list[Timed[Out]]:
        return work(*args) if steps is None else await steps.run(step_name or name, work, *args, limit=limit)

    return Node(name, consume, finish=finish, **node)


def reason_of(error: BaseException) -> str:
    """One line: the message of an error that is raised on purpose, type and message of a bug."""
    if isinstance(error, DuplexError) and str(error):
        return str(error)
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
