"""Diarization by segmentation and speaker embeddings, with published weights (pyannote segmentation 3.0 and CAM++)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duplex.models.diarization.contract import Diarizer

ENTRY = "segmentation-and-campplus"
"""Name in the catalog of models."""

LEAST_LATENCY = 0.4
"""Seconds: live, a frame waits so long for its window if it is the first of a step."""


def load_segmentation(
    folder: Path, latency: float | None = 1.0, max_speakers: int = 8, weights: Path | None = None
) -> Diarizer[Any]:
    """folder: of the model store. latency: seconds; None: all that a stream holds is heard before anything is said.
    weights: of a segmentation that was trained further (train/); None: the published ones.

    Raises ModelError, SettingsError.
    """
    from duplex.models.diarization.segmentation.voices import Listener

    if latency is None:
        from duplex.models.diarization.segmentation.recording import RecordingSegmentation

        return RecordingSegmentation(Listener(folder, weights), max_speakers)
    from duplex.models.diarization.segmentation.online import OnlineSegmentation

    return OnlineSegmentation(Listener(folder, weights), latency, max_speakers)
