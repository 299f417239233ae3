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


def remark(sound: Sound) -> Remark | None:
    """None for a sound that is not worth one."""
    return REMARKS.get(sound.label)
