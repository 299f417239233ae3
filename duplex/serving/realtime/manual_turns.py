"""Turns that a client ends by hand: the sound of the buffer is recognized as it comes, and committed as one item."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np

from duplex.models.asr.contract import Recognizer
from duplex.streaming.audio import SAMPLE_RATE
from duplex.streaming.pool import Steps

SHORTEST = 0.1
"""Seconds of sound that can be committed, as in the API."""

PIECE = SAMPLE_RATE // 2
"""Samples that are recognized at once, before the pool is given back."""


class ManualTurn:
    """The sound since the last commit. limit: seconds after which the recognizer begins anew, as with any utterance."""

    def __init__(self, recognizer: Recognizer[Any], steps: Steps, limit: float) -> None:
        self.heard = 0
        """Samples."""
        self.start = 0
        """Where its sound begins on the time of the whole conversation."""
        self._recognizer = recognizer
        self._steps = steps
        self._limit = round(limit * SAMPLE_RATE)
        self._waiting = np.zeros(0, np.float32)
        self._words: list[str] = []
        self._state = recognizer.initial_state()
        self._in_state = 0
        self._work: asyncio.Task[None] | None = None

    @property
    def seconds(self) -> float:
        return self.heard / SAMPLE_RATE

    def append(self, samples: np.ndarray) -> None:
        """(n,) float32 at 16 kHz."""
        self.heard += len(samples)
        self._waiting = np.concatenate([self._waiting, samples])
        if self._work is None or self._work.done():
            self._work = asyncio.create_task(self._recognize())
            self._work.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def text(self) -> str:
        """All that was said. Raises what the recognizer raises."""
        if self._work is not None:
            await self._work
        await self._steps.run("recognize", self._end)
        return " ".join(self._words)

    def drop(self) -> None:
        """Nobody wants it any more."""
        if self._work is not None:
            self._work.cancel()

    async def _recognize(self) -> None:
        """Task: what waits, to the last whole hop."""
        while len(self._waiting) >= self._recognizer.hop:
            size = min(PIECE, len(self._waiting)) // self._recognizer.hop * self._recognizer.hop
            piece, self._waiting = self._waiting[:size], self._waiting[size:]
            await self._steps.run("recognize", self._hear, piece)

    def _hear(self, piece: np.ndarray) -> None:
        """A step."""
        hop = self._recognizer.hop
        for at in range(0, len(piece), hop):
            _, self._state = self._recognizer.step(piece[at : at + hop], self._state)
        self._in_state += len(piece)
        if self._in_state >= self._limit:
            self._flush()

    def _end(self) -> None:
        """A step: what is left, which is less than a hop, and the last words."""
        rest = np.zeros(self._recognizer.hop, np.float32)
        rest[: len(self._waiting)] = self._waiting
        self._hear(rest)
        self._flush()

    def _flush(self) -> None:
        self._words += [word.text for word in self._recognizer.flush(self._state).words]
        self._state, self._in_state = self._recognizer.initial_state(), 0


class ManualTurns:
    """The commits of one conversation, in their order. begin: a new turn. keep: takes the words of one, where it began
    and how many samples it has."""

    def __init__(self, begin: Callable[[], ManualTurn], keep: Callable[[str, int, int], None]) -> None:
        self.keep = keep
        self.turn = begin()
        self._begin = begin
        self._last: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def busy(self) -> bool:
        """Whether the words of a commit are still to come."""
        return self._last is not None and not self._last.done()

    def take(self) -> ManualTurn:
        """The turn so far; another one begins."""
        taken, self.turn = self.turn, self._begin()
        return taken

    def clear(self) -> None:
        self.take().drop()

    def afterwards(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this when all that was asked for before is done. It raises nothing."""
        before = self._last

        async def follow() -> None:
            if before is not None:
                await asyncio.wait([before])
            await work()

        self._last = asyncio.create_task(follow())
        self._tasks.add(self._last)
        self._last.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        self.turn.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
