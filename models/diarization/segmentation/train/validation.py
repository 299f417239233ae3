"""Errors within windows: what no clustering can mend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from duplex.models.diarization.contract import FRAME
from duplex.models.diarization.segmentation.networks import WINDOW
from duplex.models.diarization.train.eval_scenes import conversations, meetings
from duplex.models.diarization.train.example_cache import frame_activity
from duplex.models.diarization.train.scoring import activity, speakers_of
from duplex.models.diarization.train.speaker_corpus import LABEL_HOP, Voices
from duplex.models.diarization.train.validation import frame_errors

SCENES = 8
"""Conversations of each number of speakers."""


def scenes(data: Path, voices: Voices) -> dict[str, list[tuple[np.ndarray, np.ndarray]]]:
    """(samples, activity every 100 ms) of windows, by kind: simulated ones of `voices`, and the meetings of `valid`."""
    calls = data / "text" / "earnings22_turns.csv.gz"
    found: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
    several = [conversations(voices, calls, count, SCENES, 60.0, seed=91) for count in (1, 2, 3, 4)]
    for scene in (scene for each in (*several, meetings(data)) for scene in each):
        truth = activity(scene.turns, speakers_of(scene.turns), scene.duration)
        found.setdefault(scene.kind, []).extend(_windows(scene.samples, truth))
    return found


def errors(
    segmenter: Callable[[np.ndarray], np.ndarray], kinds: dict[str, list[tuple[np.ndarray, np.ndarray]]]
) -> dict[str, float]:
    """Percent of speech that is missed, added or given to another voice of the window, by kind."""
    made = {}
    for kind, windows in kinds.items():
        total = sum(np.array(frame_errors(truth, segmenter(samples) > 0.5)) for samples, truth in windows)
        made[kind] = round(float(total[:3].sum() / total[3] * 100), 1)
        if kind == "AMI":
            parts = (total[:3] / total[3] * 100).round(1).tolist()
            made |= dict(zip(("missed", "false", "confused"), parts, strict=True))
    return made


def _windows(samples: np.ndarray, truth: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    length = WINDOW * FRAME
    for at in range(0, len(samples) - length + 1, length):
        heard = truth[at // LABEL_HOP : (at + length) // LABEL_HOP]
        yield samples[at : at + length], frame_activity(heard, WINDOW)
