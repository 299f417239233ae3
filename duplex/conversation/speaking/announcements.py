"""What the assistant says by itself: timers that are due, and whatever it was told to say when the floor is free."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace

from duplex.models.interaction.contract import Control
from duplex.streaming.audio import SAMPLE_RATE


class Announcements:
    """Texts that wait for the floor, and the timers that will make more of them.

    An urgent text does not wait for a reply to end: it is said at the next end of a clause. waiting: is told how many
    texts wait, and how many of them are urgent. due: is told the text of each timer that becomes due.
    """

    def __init__(
        self,
        waiting: Callable[[int, int], None] = lambda count, urgent: None,
        due: Callable[[str], None] = lambda text: None,
    ) -> None:
        self._told = waiting
        self._due = due
        self._waiting: list[tuple[str, bool]] = []
        self._timers: list[Control] = []

    @property
    def timers(self) -> tuple[Control, ...]:
        """Pending timers, the earliest first."""
        return tuple(self._timers)

    def say(self, text: str, *, urgent: bool = False, first: bool = False) -> None:
        """first: before everything that waits, for a text that was taken and not heard."""
        self._waiting.insert(0 if first else len(self._waiting), (text, urgent))
        self._count()

    def take(self, *, urgent_only: bool = False) -> str:
        """What waits, as one text; empty if nothing does."""
        taken = [text for text, urgent in self._waiting if urgent or not urgent_only]
        self._waiting = [] if not urgent_only else [(text, urgent) for text, urgent in self._waiting if not urgent]
        self._count()
        return " ".join(taken)

    def set_timers(self, timers: Iterable[Control]) -> None:
        """Adds timers ("timer" controls)."""
        self._timers = sorted([*self._timers, *timers], key=lambda timer: timer.at)

    def cancel_timers(self) -> None:
        self._timers.clear()

    def tick(self, at: int, suspended: float = 0.0) -> None:
        """Timers due at the sample `at` become urgent announcements.

        suspended: seconds that have passed since the last call and are not among the samples.
        """
        if suspended:
            self._timers = [replace(timer, at=timer.at - suspended) for timer in self._timers]
        while self._timers and self._timers[0].at * SAMPLE_RATE <= at:
            text = self._timers.pop(0).text
            self._due(text)
            self.say(text, urgent=True)

    def due_before(self, at: int) -> bool:
        """Whether something waits, or will before the sample `at`."""
        return bool(self._waiting) or any(timer.at * SAMPLE_RATE <= at for timer in self._timers)

    def _count(self) -> None:
        self._told(len(self._waiting), sum(urgent for _, urgent in self._waiting))
