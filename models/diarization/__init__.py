"""Diarization: who speaks when."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.models.diarization.config import LATENCIES
from duplex.streaming.errors import ModelError

if TYPE_CHECKING:
    from duplex.models.diarization.contract import Diarizer

log = logging.getLogger(__name__)

WEIGHTS = Path(__file__).parent / "weights"


def load_diarizer(
    latency: float | None = 1.0,
    max_speakers: int = 8,
    folder: str | Path | None = None,
    name: str = "ls-eend",
    segmentation: Path | None = None,
) -> Diarizer[Any]:
    """A diarizer by name.

    name: "ls-eend", which is shipped. "segmentation": pyannote segmentation and CAM++, pulled at first use, and beside
        them what ls-eend hears where a recording is heard as a whole. "auto": segmentation for whole recordings, and
        live with 0.4 s or more if its weights are there already; else ls-eend. Where a whole recording cannot have
        it, one line in the log says why.
    latency: 0, 0.4 or 1 s of look-ahead, for segmentation 0.4 or 1 s. None: as exact as can be; segmentation then says
        nothing before the end of the recording, ls-eend looks 1 s ahead.
    folder: of another exported ls-eend.
    segmentation: weights of a segmentation that was trained further; None: the published ones.

    Raises SettingsError, ModelError.
    """
    if name == "segmentation" or (name == "auto" and (latency is None or _at_hand(latency))):
        try:
            return _segmentation(latency, max_speakers, folder or WEIGHTS, segmentation)
        except ModelError as error:
            if name != "auto":
                raise
            log.warning("the better diarizer cannot be had (%s): ls-eend tells speakers apart instead", error)
    from duplex.models.diarization.stage import LsEend

    return LsEend(folder or WEIGHTS, 1.0 if latency is None else latency, max_speakers)


def _at_hand(latency: float) -> bool:
    """Whether segmentation can begin at once: a conversation does not wait for a download."""
    from duplex.models.diarization.segmentation import ENTRY, LEAST_LATENCY
    from duplex.models.store import find

    return latency >= LEAST_LATENCY and find(ENTRY) is not None


def _segmentation(latency: float | None, max_speakers: int, folder: str | Path, weights: Path | None) -> Diarizer[Any]:
    from duplex.models.diarization.segmentation import ENTRY, load_segmentation
    from duplex.models.store import fetch

    made = load_segmentation(fetch(ENTRY), latency, max_speakers, weights)
    if latency is not None:
        return made
    from duplex.models.diarization.segmentation.second_opinion import SecondOpinion
    from duplex.models.diarization.stage import LsEend

    return SecondOpinion(made, LsEend(folder, max(LATENCIES)))
