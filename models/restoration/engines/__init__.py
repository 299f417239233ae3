"""Engines of restoration by name, and which of them does a task that nobody chose one for."""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.restoration.contract import DENOISERS, RestoreOptions
from duplex.models.store import fetch
from duplex.streaming.errors import ModelError
from duplex.streaming.stage import Stage

log = logging.getLogger(__name__)

BEST = {"enhance": "dtln"}
"""By task: what measured better than the network that is included (tests/benchmarks/restoration.py), leaves clean
speech as it is, and costs at most 4 ms in 16. DeepFilterNet3 does a little better by PESQ, but neither of the two."""


def choose(options: RestoreOptions) -> RestoreOptions:
    """`options` with an engine in place of "auto". Whoever asks for steps or weights means the included network."""
    if options.engine != "auto":
        return options
    best = BEST.get(options.task)
    if best is None or options.steps is not None or options.weights is not None or options.device != "cpu":
        return replace(options, engine="lite")
    try:
        fetch(best)
    except ModelError as error:
        log.warning("the better restoration cannot be had (%s): the included network restores instead", error)
        return replace(options, engine="lite")
    return replace(options, engine=best)


def load(options: RestoreOptions) -> Stage[Any, np.ndarray]:
    """The engine's stage. Raises SettingsError, ModelError."""
    options = choose(options)
    if options.engine in DENOISERS:
        return _denoiser(options.engine, fetch(options.engine))
    if options.engine == "published":
        return _published(options)
    from duplex.models.restoration.stage import RestorationStage

    return RestorationStage(options.task, options.steps, options.device, options.weights, options.seed)


@lru_cache(maxsize=len(DENOISERS))
def _denoiser(engine: str, folder: Path) -> Stage[Any, np.ndarray]:
    """Shared by all streams, as a stage keeps nothing of them."""
    match engine:
        case "gtcrn":
            from duplex.models.restoration.engines.gtcrn import Gtcrn
            from duplex.models.restoration.engines.spectral_stage import SpectralStage

            return SpectralStage(Gtcrn(folder))
        case "dtln":
            from duplex.models.restoration.engines.dtln import Dtln

            return Dtln(folder)
        case _:
            from duplex.models.restoration.engines.deepfilternet import DeepFilterStage

            return DeepFilterStage(folder)


def _published(options: RestoreOptions) -> Stage[Any, np.ndarray]:
    try:
        from duplex.models.restoration.buffered import BufferedRestorer
    except ImportError as error:
        raise ModelError(f"published restoration needs PyTorch ({error}): install duplex[models]") from None
    assert options.weights is not None  # `RestoreOptions.check` has seen to it
    stage = BufferedRestorer.from_checkpoint(options.weights, options.steps, options.device, options.seed)
    trained = stage.config.task
    if options.task not in ("auto", trained):
        raise ModelError(f"{options.weights}: was trained for {trained}, not for {options.task}")
    return stage
