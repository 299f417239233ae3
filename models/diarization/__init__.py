"""Diarization: who speaks when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duplex.models.diarization.stage import LsEend

WEIGHTS = Path(__file__).parent / "weights"


def load_diarizer(latency: float = 1.0, max_speakers: int = 8, folder: str | Path | None = None) -> LsEend:
    """The shipped diarizer, or one exported into another folder.

    latency: 0, 0.4 or 1 s of look-ahead. Raises SettingsError, ModelError.
    """
    from duplex.models.diarization.stage import LsEend

    return LsEend(folder or WEIGHTS, latency, max_speakers)
