"""Who may speak: a state machine whose rules are data."""

from duplex.conversation.floor.machine import Floor

__all__ = ["Floor"]
