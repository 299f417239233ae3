"""Load shedding: what is given up, in which order, when the machine cannot keep up, before the sound breaks up.

What is watched is how late frames are, the 95th percentile over the last two seconds: sound that should have gone out
and had not, input that had come and was not perceived. One step is taken at a time, and taken back in reverse order
when all has been calm for a while.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Step:
    """name: of what is given up. told: what the people in the calls are told; empty: it does not concern them."""

    name: str
    told: str = ""
    back: str = ""


STEPS = (
    Step(
        "restoration",
        "The server is busy: restoration of the sound is paused.",
        "Restoration of the sound is back.",
    ),
    Step(
        "diarization",
        "The server is busy: people who share a microphone are not told apart for now.",
        "People who share a microphone are told apart again.",
    ),
    Step("new calls"),
)
"""In the order in which they are given up. The last is refusal: those who are in a call keep it."""


SOON = 30.0
"""Seconds: a step that must be taken again within these was taken back too soon."""

LONGEST_WAIT = 300.0


class Lateness:
    """Seconds that frames were late, over a sliding window of `slots` slots; `turn` begins a new slot."""

    def __init__(self, slots: int = 4) -> None:
        self._slots: deque[list[float]] = deque([[]], maxlen=slots)

    def add(self, seconds: float) -> None:
        self._slots[-1].append(seconds)

    def quantile(self, q: float = 0.95) -> float:
        seen = [seconds for slot in self._slots for seconds in slot]
        return float(np.quantile(seen, q)) if seen else 0.0

    def turn(self) -> None:
        self._slots.append([])

    def clear(self) -> None:
        """What came before a change says nothing about what comes after."""
        self._slots.clear()
        self._slots.append([])


LATE = 0.040
"""Seconds: two frames. A browser's own buffer bears as much; what comes later breaks up the sound."""


class Shedder:
    """late: seconds (95th percentile) at which one more step is taken; half of it counts as calm.

    patience: seconds between two steps. calm: seconds until one is taken back; twice as long each time that this turns
    out to have been too soon.
    """

    def __init__(self, late: float = LATE, patience: float = 1.0, calm: float = 10.0) -> None:
        self.level = 0
        """How many of STEPS are given up."""
        self.late = late
        self._patience = patience
        self._calm = calm
        self._wait = calm
        self._taken_back: float | None = None
        self._changed: float | None = None
        self._calm_since: float | None = None

    @property
    def given_up(self) -> tuple[Step, ...]:
        return STEPS[: self.level]

    def sheds(self, name: str) -> bool:
        return any(step.name == name for step in self.given_up)

    def observe(self, p95: float, now: float) -> Step | None:
        """p95: seconds late. now: seconds. The step that was just taken, or taken back; see `level`."""
        if p95 >= self.late:
            self._calm_since = None
            waited = self._changed is None or now - self._changed >= self._patience
            if waited and self.level < len(STEPS):
                self.level += 1
                too_soon = self._taken_back is not None and now - self._taken_back < max(self._wait, SOON)
                self._wait = min(2 * self._wait, LONGEST_WAIT) if too_soon else self._calm
                self._taken_back = None
                self._changed = now
                return STEPS[self.level - 1]
            return None
        if p95 > self.late / 2:
            self._calm_since = None
            return None
        if self._calm_since is None:
            self._calm_since = now
        if self.level and now - self._calm_since >= self._wait:
            self.level -= 1
            self._changed = self._calm_since = self._taken_back = now
            return STEPS[self.level]
        return None
