"""What an interpreter says next, and how fast: translated sentences in order, caught up by rate, and given up in time.

Pure: all times are the caller's, in samples of the 16 kHz input clock. A consecutive backlog is what makes interpreting
unusable, so the delay is bounded: the voice is quickened as it falls behind, and what could only be said after the
bound is left out.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from duplex.streaming.audio import SAMPLE_RATE

LIMIT = 10.0
"""Seconds after the end of a sentence within which its translation begins, or is not said at all."""

FASTEST = 1.5
"""Rate up to which the voice is quickened. Speech is understood about as well up to there; the synthesizer speaks
faster, nothing is compressed afterwards."""

EASY, HARD = 2.0, 6.0
"""Seconds behind the speaker up to which the voice keeps its own rate, and from which on it is as fast as it can be."""

_STEP = 0.05
_PACE = 15.0  # characters a second, until the voice has been heard
_MEMORY = 200.0  # characters over which its pace is averaged


@dataclass(frozen=True, slots=True)
class Rendition:
    """A translated sentence that is to be said.

    start, end: samples of the original. known: sample at which its translation was there.
    """

    caption: int
    party: str
    text: str
    start: int
    end: int
    known: int


class Interpreter:
    """One voice. limit: seconds, see LIMIT. fastest: see FASTEST. given_up: told each sentence that is left out."""

    def __init__(
        self,
        limit: float = LIMIT,
        fastest: float = FASTEST,
        given_up: Callable[[Rendition], None] = lambda rendition: None,
    ) -> None:
        self._limit = round(limit * SAMPLE_RATE)
        self._fastest = fastest
        self._given_up = given_up
        self._waiting: deque[Rendition] = deque()
        self._pace = _PACE

    def __len__(self) -> int:
        """Sentences that wait."""
        return len(self._waiting)

    @property
    def next_known(self) -> int | None:
        """When the next one can be said, at the earliest; None if none waits."""
        return self._waiting[0].known if self._waiting else None

    def hear(self, rendition: Rendition) -> None:
        """It is to be said after those that wait."""
        self._waiting.append(rendition)

    def clear(self) -> list[Rendition]:
        """Nothing waits any more. Returns what did."""
        waiting = list(self._waiting)
        self._waiting.clear()
        return waiting

    def take(self, now: int) -> tuple[Rendition, float] | None:
        """The next sentence for a voice that is free at `now`, and the rate to say it at; None: none is known yet."""
        while self._waiting and self._waiting[0].known <= now:
            rendition = self._waiting.popleft()
            if now - rendition.end <= self._limit:
                return rendition, self._rate(now - rendition.end, now)
            self._given_up(rendition)
        return None

    def spoke(self, text: str, samples: int, rate: float) -> None:
        """How long a text took at a rate: what the length of others is estimated by."""
        if not text or not samples:
            return
        weight = min(1.0, len(text) / _MEMORY)
        self._pace += weight * (len(text) * SAMPLE_RATE / (samples * rate) - self._pace)

    def _rate(self, late: int, now: int) -> float:
        """By how far the voice is behind, and would be after all that is known by now."""
        others = sum(len(each.text) for each in self._waiting if each.known <= now)
        behind = late / SAMPLE_RATE + others / self._pace
        share = min(1.0, max(0.0, (behind - EASY) / (HARD - EASY)))
        return round((1.0 + share * (self._fastest - 1.0)) / _STEP) * _STEP
