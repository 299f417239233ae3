"""Seeded faults: wrap an engine so that it dies, comes back, or is slow at stated moments."""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from typing import Any

from duplex.streaming.errors import StageError


class FaultyStage:
    """A stage that raises StageError in its steps number `fails` (counted over all streams from 0).

    Everything else is the wrapped stage's.
    """

    def __init__(self, stage: Any, fails: Collection[int]) -> None:
        self._stage = stage
        self._fails = frozenset(fails)
        self._steps = 0

    @classmethod
    def seeded(cls, stage: Any, seed: int, share: float, steps: int = 100_000) -> FaultyStage:
        """Each step fails with probability `share`."""
        chance = random.Random(seed)
        return cls(stage, [n for n in range(steps) if chance.random() < share])

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)

    def step(self, chunk: Any, state: Any) -> tuple[Any, Any]:
        number, self._steps = self._steps, self._steps + 1
        if number in self._fails:
            raise StageError(f"seeded fault in step {number}")
        return self._stage.step(chunk, state)


def slow(costs: dict[str, float]) -> Callable[[str], float]:
    """For InferencePool(inline=True, cost=...): seconds of virtual time that each step of a name takes.

    A stall is a cost longer than anybody waits.
    """
    return lambda name: costs.get(name, 0.0)


def stall_once(name: str, call: int, seconds: float) -> Callable[[str], float]:
    """Like `slow`, but only call number `call` of `name` takes `seconds`."""
    calls = 0

    def cost(step: str) -> float:
        nonlocal calls
        if step != name:
            return 0.0
        calls += 1
        return seconds if calls == call + 1 else 0.0

    return cost
