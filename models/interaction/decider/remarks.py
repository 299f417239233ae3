"""What the assistant says unasked about a sound that matters."""

from __future__ import annotations

from duplex.models.interaction.percepts import Sound

REMARKS = {
    "baby_cry": "I hear a baby crying.",
    "alarm": "I hear an alarm.",
    "smoke_alarm": "I hear a smoke alarm.",
    "siren": "I hear a siren.",
    "fire": "That sounds like a fire.",
    "glass_breaking": "I heard glass breaking.",
    "door_knock": "Somebody is at the door.",
    "doorbell": "Somebody is at the door.",
}
"""By the tagger's label. About other sounds nothing is said."""

SURE = 0.6
"""The tagger's probability from which a sound is spoken of."""


def remark(sound: Sound) -> str:
    """One sentence; empty for a sound that is not worth one, or too unsure."""
    return REMARKS.get(sound.label, "") if sound.score >= SURE else ""
