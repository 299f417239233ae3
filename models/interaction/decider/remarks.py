"""What the assistant says unasked about a sound that matters."""

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
    return REMARKS.get(sound.label)
