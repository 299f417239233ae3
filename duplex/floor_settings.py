"""The times that the floor goes by (`floor.*` among the settings)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FloorSettings:
    """Times in seconds."""

    pause_sure: float = 0.28
    """Silence that ends a turn whose words look surely finished."""
    pause_short: float = 0.45
    """Silence that ends a turn whose words look finished."""
    pause_medium: float = 0.8
    pause_long: float = 1.6
    """Silence that ends a turn whose words look unfinished."""
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
