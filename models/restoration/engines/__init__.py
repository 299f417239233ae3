"""Engines of restoration by name, and which of them does a task that nobody chose one for."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.restoration.contract import DENOISERS, INCLUDED, RestoreOptions
from duplex.models.store import fetch
from duplex.streaming.errors import ModelError
from duplex.streaming.stage import Stage

log = logging.getLogger(__name__)

MEANS = {
    "dtln+gtcrn": ((0.5, 0.5), 128),
    "dtln+deepfilternet": ((0.4, 0.6), 160),
    "dtln+gtcrn+deepfilternet": ((0.3, 0.2, 0.5), 160),
}
"""Means of several engines: the weight of each, chosen as CARD.md says, and the hop in samples, with which none of the
engines has to wait longer than the slowest does anyway."""

BEST_LIVE = {"enhance": ("dtln+deepfilternet", "dtln+gtcrn")}
BEST = {
    "enhance": ("dtln+gtcrn+deepfilternet", *BEST_LIVE["enhance"]),
    "dereverb": ("wpe",),
    "phase": ("griffin-lim",),
    "vocode": ("griffin-lim",),
}
"""By task, the best first: what measured better than the network that is included (tests/benchmarks/restoration.py,
train/evaluate.py), and of what removes noise, what leaves clean speech as it is; live, of what costs about a quarter of
a core at most."""


def choose(options: RestoreOptions, best: Mapping[str, Sequence[str]] = BEST_LIVE) -> RestoreOptions:
    """`options` with an engine in place of "auto". Whoever asks for steps or weights means the included network."""
    if options.engine != "auto":
        return options
    names = best.get(options.task)
    if names is None or options.steps is not None or options.weights is not None or options.device != "cpu":
        return replace(options, engine="lite")
    missing = cache(_missing)  # what cannot be had is waited for once
    for name in names:
        if name in INCLUDED or not any(map(missing, name.split("+"))):
            return replace(options, engine=name)
    error = next(filter(None, map(missing, names[0].split("+"))))
    log.warning("the better restoration cannot be had (%s): the included network restores instead", error)
    return replace(options, engine="lite")


def _missing(part: str) -> ModelError | None:
    """Why an engine's weights cannot be had; None: they are here now."""
    try:
        fetch(part)
    except ModelError as error:
        return error
    return None


def load(options: RestoreOptions) -> Stage[Any, np.ndarray]:
    """The engine's stage. Raises SettingsError, ModelError."""
    options = choose(options)
    if options.engine in MEANS:
        from duplex.models.restoration.engines.mean import MeanStage

        parts = [_denoiser(part, fetch(part)) for part in options.engine.split("+")]
        weights, hop = MEANS[options.engine]
        return MeanStage(list(zip(parts, weights, strict=True)), hop)
    if options.engine in DENOISERS:
        return _denoiser(options.engine, fetch(options.engine))
    if options.engine == "published":
        return _published(options)
    from duplex.models.restoration.stage import WEIGHTS, RestorationStage

    if options.engine == "wpe":
        from duplex.models.restoration.engines.wpe import BehindWpe

        return BehindWpe(RestorationStage(options.task, weights=WEIGHTS / "dereverb.onnx", seed=options.seed))
    recorded = options.engine == "griffin-lim"
    return RestorationStage(options.task, options.steps, options.device, options.weights, options.seed, recorded)


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
