"""Sounds that matter are told unasked, in a few words."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from duplex.streaming.audio import SAMPLE_RATE

PAUSE = 60 * SAMPLE_RATE
"""Samples within which the same sound is told once."""


class SpokenWarning(NamedTuple):
    """What is said; urgent: at the next end of a clause of a reply that is being given."""

    text: str
    urgent: bool = False


WARNINGS = {
    "baby crying": SpokenWarning("I hear a baby crying."),
    "alarm": SpokenWarning("I hear an alarm.", urgent=True),
    "glass": SpokenWarning("I hear glass breaking."),
}


class SoundWarnings:
    """say: takes what is to be said, and whether it is urgent."""

    def __init__(self, say: Callable[..., None]) -> None:
        self._say = say
        self._told: dict[str, int] = {}

    def heard(self, label: str, at: int) -> None:
        """A sound of this label has begun; `at`: sample at which that is known."""
        warning = WARNINGS.get(label)
        if warning is None or at - self._told.get(label, -PAUSE) < PAUSE:
            return
        self._told[label] = at
        self._say(warning.text, urgent=warning.urgent)
