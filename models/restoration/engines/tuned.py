"""DeepFilterNet3, trained further and included (CARD.md): alone against noise, beside the lite network against more."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from duplex.models.restoration.config import SAMPLE_RATE
from duplex.models.restoration.engines.deepfilternet import DeepFilterGraphs, DeepFilterNet
from duplex.models.restoration.engines.mean import MeanStage
from duplex.models.restoration.engines.spectral_stage import SpectralStage
from duplex.models.restoration.stage import WEIGHTS as INCLUDED
from duplex.models.restoration.stage import RestorationStage
from duplex.streaming.stage import Stage

WEIGHTS = {task: INCLUDED / f"deepfilternet-{task}.tar.gz" for task in ("enhance", "auto")}
"""By the task that was trained for; `auto` heard dereverb and codec as well."""

AHEAD = 1
"""Frames that it waits for, one less than as published: so it is 30 ms late instead of 40."""

SHARE = 0.7
"""Of the mean, chosen as CARD.md says."""

HOP = 64
"""In samples: with it neither of two has to wait longer than 32 ms."""


def tuned(task: str, seed: int = 0) -> Stage[Any, np.ndarray]:
    """At 16 kHz: it was not trained beyond. Raises ModelError."""
    if task == "enhance":
        return _deepfilter("enhance")
    return beside(RestorationStage(task, seed=seed))


def beside(lite: RestorationStage) -> MeanStage:
    """The mean of what the two networks make of a sound. Raises ModelError."""
    return MeanStage([(_deepfilter("auto"), SHARE), (lite, 1 - SHARE)], HOP)


@lru_cache(maxsize=len(WEIGHTS))
def _deepfilter(task: str) -> SpectralStage:
    """Shared by all streams, as a stage keeps nothing of them."""
    return SpectralStage(DeepFilterNet(DeepFilterGraphs(WEIGHTS[task]), SAMPLE_RATE, AHEAD))
