"""How the assistant takes part in a conversation."""

from __future__ import annotations

from dataclasses import dataclass

from duplex.models.tts.contract import Voice

ACKNOWLEDGEMENT = "Mm-hm."
"""What is said in a pause of a long turn."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How the assistant takes part. answers: whether it answers at all. ahead: seconds of speech made in advance."""

    voice: Voice
    answers: bool = True
    ahead: float = 3.0
    language: str = "en"
    match_level: bool = True
    """Whether replies are as loud as those whom they answer."""
    warns: bool = False
    """Whether it says unasked that it hears a sound that matters."""
