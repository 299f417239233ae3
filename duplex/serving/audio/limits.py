"""What the audio routes allow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """Bytes, seconds, and numbers of requests."""

    upload: int = 25 << 20
    """Bytes of a recording, as the API has it."""
    field: int = 16_384
    """Bytes of one other field of a form..."""
    fields: int = 64
    """...and how many there may be."""
    upload_time: float = 120.0
    """Seconds in which an upload must have arrived."""
    recording: float = 2 * 3600.0
    """Seconds of a recording: compressed silence is small."""
    at_once: int = 2
    """Recordings that are worked on at once. Others wait for their turn."""
    waiting: int = 16
    """Requests that wait or are worked on; further ones are refused."""
    rate: float = 5.0
    """Requests of one remote address a second for long; 60 at once."""
    stalled: float = 30.0
    """Seconds after which a program that does not read its answer is dropped."""
