"""The reply that has the floor: how far it is, and what has become of it so far."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field


@dataclass(slots=True)
class ActiveReply:
    """The reply that has the floor, or is about to."""

    epoch: int
    turn: int
    decided: int
    announcement: str = ""
    first_token: int | None = None
    onset: int | None = None
    """Onset of the speech that holds or ended it."""
    silenced: int = 0
    """When it was told to be silent."""
    interrupted: bool = False
    suspended: bool = False
    told: bool = False
    """Whether the suspension has been reported."""
    started: bool = False
    spoken: int = 0
    """Words already reported as heard."""
    stopped: bool = False
    shown: bool = False
    """Whether it is written instead of spoken."""
    gain: float | None = None
    """Linear, kept from the reply's first sound on."""
    written: str = field(default="", repr=False)
    """Its text before markup is taken out."""
    waiting: bool = False
    """For the answerer's next piece, which may never come."""
    task: asyncio.Task[None] | None = field(default=None, repr=False)
