"""The times that the floor goes by (`floor.*` among the settings)."""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """Times in seconds."""

    pause_sure: float = 0.25
    """Silence that ends a turn whose words look surely finished (a score of 0.88 or more)."""
    pause_short: float = 0.45
    """Silence that ends a turn whose words look finished (0.7 to 0.8)."""
    pause_medium: float = 0.8
    """Silence that ends a turn whose words tell nothing (0.4 to 0.5)."""
    pause_long: float = 1.6
    """Silence that ends a turn whose words look unfinished (0.3 or less)."""
    words_patience: float = 1.0
    """How long after the end of speech over a reply its words are waited for before the reply goes on."""
    words_limit: float = 8.0
    """How long after the end of speech the recognizer may take to reach it, before the turn is decided without it."""
    suspend_after: float = 0.16
    """Speech over the reply that holds it."""
    hear_out: float = 0.8
    """Speech over the reply before unfinished words can take the floor: "right" may still be all there is to come."""
    insist_after: float = 1.2
    """Speech over the reply that takes the floor if there are any words in it, backchannels or not."""
    noise_limit: float = 2.0
    """Sound without words over the reply after which the reply resumes regardless."""
    go_on_window: float = 0.6
    """A user who speaks this soon after the reply became audible had not finished: the turn goes on."""
    turn_limit: float = 30.0
    """Speech after which a turn is answered though the user has not stopped."""
    breath: float = 0.3
    """Silence before the assistant speaks up by itself."""
    interruptions: bool = True
    """Whether the user can interrupt at all."""
    backchannels: bool = False
    """Whether the assistant says a short word in the pauses of a long turn."""

    def pause(self, score: float) -> float:
        """Seconds of silence that end a turn whose words look finished with probability `score`.

        Linear between the four pauses, so that a score just below a step does not cost the whole of it.

        >>> [round(FloorSettings().pause(score), 3) for score in (0.1, 0.45, 0.6, 0.75, 0.84, 0.95)]
        [1.6, 0.8, 0.625, 0.45, 0.35, 0.25]
        """
        sure = min(self.pause_sure, self.pause_short)
        points = (
            (0.3, self.pause_long),
            (0.4, self.pause_medium),
            (0.5, self.pause_medium),
            (0.7, self.pause_short),
            (0.8, self.pause_short),
            (0.88, sure),
        )
        for (low, longer), (high, shorter) in itertools.pairwise(points):
            if score <= high:
                return longer + (shorter - longer) * max(0.0, score - low) / (high - low)
        return sure
