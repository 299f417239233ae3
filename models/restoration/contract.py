"""What restoration is asked for, and the stage that does it: samples in, restored samples out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from duplex.streaming.errors import ModelError, SettingsError
from duplex.streaming.stage import Stage

TASK_HELP = {
    "auto": "several faults at once: noise, echo, codec and band limits",
    "enhance": "remove noise",
    "dereverb": "remove the room's echo",
    "codec": "undo what a low-rate codec did",
    "bandwidth": "rebuild the missing upper band, up to 8 kHz",
    "phase": "throw the phase away and rebuild it from the magnitudes",
    "vocode": "rebuild speech from 80 mel bands",
}
"""What each task does. The order is that of the network's task embedding."""

TASKS = tuple(TASK_HELP)

LIVE_TASKS = TASKS[:5]
"""Those that improve degraded speech; the others rebuild it from parts of clean speech."""


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """task: one of TASKS. steps: of the solver, None for the model's own choice. mix: 0 is the input, 1 all restored.
    weights: a folder or file of other weights. sample_rate: of the results in Hz, None for each source's own.
    """

    task: str = "auto"
    steps: int | None = None
    mix: float = 1.0
    device: str = "cpu"
    weights: str | None = None
    seed: int = 0
    sample_rate: int | None = None

    def check(self) -> None:
        """Raises SettingsError, naming the option."""
        if self.task not in TASKS:
            raise SettingsError(f"task: there is no {self.task!r}; choose one of {', '.join(TASKS)}")
        if self.steps is not None and not 0 <= self.steps <= 100:
            raise SettingsError(f"steps: {self.steps} is not between 0 and 100")
        if not 0.0 <= self.mix <= 1.0:
            raise SettingsError(f"mix: {self.mix} is not between 0 (the input) and 1 (all restored)")
        if self.sample_rate is not None and not 4_000 <= self.sample_rate <= 384_000:
            raise SettingsError(f"sample rate: {self.sample_rate} Hz is not between 4000 and 384000")
        if self.weights is not None and not Path(self.weights).exists():
            raise ModelError(f"weights: {self.weights} does not exist")

    def fingerprint(self) -> dict[str, Any]:
        """What must be equal for an earlier result to count as done; the device does not change a result's worth."""
        identity = {name: value for name, value in asdict(self).items() if name != "device"}
        if self.weights is not None:
            status = Path(self.weights).stat()
            identity["weights"] = [self.weights, status.st_size, status.st_mtime_ns]
        return identity


StageFactory = Callable[[RestoreOptions], Stage[Any, np.ndarray]]


def load_stage(options: RestoreOptions) -> Stage[Any, np.ndarray]:
    """The bundled restoration model, or the one that `weights` names. Raises ModelError."""
    from duplex.models.restoration.stage import RestorationStage

    return RestorationStage(
        options.task, steps=options.steps, device=options.device, weights=options.weights, seed=options.seed
    )
