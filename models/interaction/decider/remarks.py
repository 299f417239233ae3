"""Sounds that matter, what the assistant says of them unasked, and when."""

from __future__ import annotations

from typing import NamedTuple

from duplex.models.interaction.percepts import Sound


class Remark(NamedTuple):
    """What is said; urgent: at the next end of a clause of a reply that is being given."""

    text: str
    urgent: bool = False


REMARKS = {
    "baby crying": Remark("I hear a baby crying."),
    "alarm": Remark("I hear an alarm.", urgent=True),
    "glass": Remark("I hear glass breaking."),
}
"""By the tagger's label. About other sounds nothing is said."""

AGAIN_AFTER = 60.0
"""Seconds for which a sound of the same kind is not spoken of again."""
LASTS = 30.0
"""Seconds for which a sound waits for a moment to be spoken of."""


def remark(sound: Sound) -> Remark | None:
    """None for a sound that is not worth one."""
    return REMARKS.get(sound.label)


class Noticed:
    """Sounds that matter and that nothing was said about, for one session. Times in seconds."""

    def __init__(self) -> None:
        self._waiting: dict[str, Sound] = {}
        """By label."""
        self._spoken_of: dict[str, float] = {}
        """When each kind of sound last was."""

    def hear(self, sound: Sound) -> None:
        last = self._spoken_of.get(sound.label, -AGAIN_AFTER)
        if remark(sound) is not None and sound.at - last >= AGAIN_AFTER:
            self._waiting[sound.label] = sound

    def due(self, now: float, *, urgent: bool = False) -> Sound | None:
        """The first that waits; urgent: of those that do not wait for the end of a reply."""
        return next((sound for sound in self._waits(now) if not urgent or _urgent(sound)), None)

    def speak_of(self, sound: Sound, now: float) -> Remark:
        """What is said of it; it waits no longer."""
        said = self._waiting.pop(sound.label)
        self._spoken_of[sound.label] = now
        return REMARKS[said.label]

    def _waits(self, now: float) -> list[Sound]:
        self._waiting = {label: sound for label, sound in self._waiting.items() if now - sound.at <= LASTS}
        return list(self._waiting.values())


def _urgent(sound: Sound) -> bool:
    found = remark(sound)
    return found is not None and found.urgent
