"""Engines of restoration by name, and which of them does a task that nobody chose one for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.restoration.contract import PUBLISHED_DENOISERS, RestoreOptions
from duplex.models.store import fetch
from duplex.streaming.errors import ModelError
from duplex.streaming.stage import Stage

BEST_LIVE = dict.fromkeys(("auto", "enhance", "dereverb"), "tuned")
BEST = {**BEST_LIVE, "dereverb": "wpe", "phase": "griffin-lim", "vocode": "griffin-lim"}
"""By task, what measured better than the network for every task (tests/benchmarks/restoration.py, train/evaluate.py);
live, of what keeps up."""


def choose(options: RestoreOptions, best: Mapping[str, str] = BEST_LIVE) -> RestoreOptions:
    """`options` with an engine in place of "auto". Whoever asks for steps, weights or a device means `lite`."""
    if options.engine != "auto":
        return options
    asked = options.steps is not None or options.weights is not None or options.device != "cpu"
    return replace(options, engine="lite" if asked else best.get(options.task, "lite"))


def load(options: RestoreOptions) -> Stage[Any, np.ndarray]:
    """The engine's stage. Raises SettingsError, ModelError."""
    options = choose(options)
    if options.engine in PUBLISHED_DENOISERS:
        return _denoiser(options.engine, fetch(options.engine))
    match options.engine:
        case "tuned":
            from duplex.models.restoration.engines.tuned import tuned

            return tuned(options.task, options.seed)
        case "published":
            return _published(options)
        case "wpe":
            from duplex.models.restoration.engines.tuned import beside
            from duplex.models.restoration.engines.wpe import BehindWpe
            from duplex.models.restoration.stage import WEIGHTS, RestorationStage

            lite = RestorationStage(options.task, weights=WEIGHTS / "dereverb.onnx", seed=options.seed)
            return BehindWpe(beside(lite))
    from duplex.models.restoration.stage import RestorationStage

    recorded = options.engine == "griffin-lim"
    return RestorationStage(options.task, options.steps, options.device, options.weights, options.seed, recorded)


@lru_cache(maxsize=len(PUBLISHED_DENOISERS))
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
