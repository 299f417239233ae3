"""A pipeline fed from a recording: as fast as its nodes go, with nothing dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.clock import VirtualClock
from duplex.streaming.errors import StageError
from duplex.streaming.pipeline import Node, Pipeline

QUIET = 12.0
"""dB of input gain that are worth a note."""

Progress = Callable[[float, float | None], None]


class Source(Protocol):
    """What a graph is fed from: a recording, or sound that still comes in. As `duplex.audio_files.reader.Recording`."""

    @property
    def path(self) -> object:
        """Its name in errors."""
        ...

    @property
    def duration(self) -> float | None: ...

    @property
    def notes(self) -> list[str]: ...

    @property
    def party_names(self) -> tuple[str, ...]: ...

    def frames(self, rate: int = SAMPLE_RATE) -> Iterator[np.ndarray]:
        """(n, parties) float32 at `rate`; may block."""
        ...


def file_node(name: str, consume: Callable[[Any], Any], finish: Callable[[], Any] | None = None) -> Node[Any]:
    """A node that drops nothing. consume, finish: as for Node."""
    return Node(name, consume, finish=finish, capacity=1_000_000, policy="block")


def run_graph(
    source: Source,
    nodes: Sequence[Node[Any]],
    feed: Callable[[int, np.ndarray], None],
    end: Callable[[], None] = lambda: None,
    on_progress: Progress | None = None,
) -> float:
    """Read the recording through the nodes, on the calling thread. Returns its seconds.

    feed: puts a block, (n, parties) float32 at 16 kHz from this sample on, to the nodes. end: called after the last.
    Raises what reading raises, and StageError if a node fails.
    """
    failures = Failures(source)
    position = 0

    async def main() -> None:
        nonlocal position
        async with Pipeline(failures) as pipeline:
            for node in nodes:
                pipeline.add(node)
            for block in source.frames(SAMPLE_RATE):
                feed(position, block)
                position += len(block)
                while not all(node.idle for node in nodes):  # noqa: ASYNC110 (the nodes run in between)
                    await asyncio.sleep(0)
                failures.check()
                if on_progress is not None:
                    on_progress(position / SAMPLE_RATE, source.duration)
            end()
        failures.check()

    VirtualClock().run(main())
    return position / SAMPLE_RATE


def note_gain(source: Source, highest: float) -> None:
    """Says so where a recording was so quiet that it had to be made much louder. highest: gain in dB."""
    if highest >= QUIET:
        source.notes.append(f"the recording is quiet: it was heard up to {highest:.0f} dB louder")


class Failures:
    """A watcher for which every loss is the end."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._error: StageError | None = None

    def capability_lost(self, capability: str, reason: str) -> None:
        if self._error is None:
            self._error = StageError(f"{self._source.path}: {capability} failed: {reason}")

    def capability_restored(self, capability: str) -> None:
        pass

    def check(self) -> None:
        """Raises the first failure."""
        if self._error is not None:
            raise self._error
