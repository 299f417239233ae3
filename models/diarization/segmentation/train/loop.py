"""Trains the published segmentation further.

`python -m duplex.models.diarization.segmentation.train --out runs/segmentation/further --pool runs/segmentation/pool`.
Fill the pool of conversations first, or beside it (windows.py). The network tells four voices in a window and three at
once, where the published one tells three and two; noise, music, rooms and telephones are as the simulation makes them.
The schedule runs by wall clock; the same command goes on from its last checkpoint. Averaged weights are validated by
the errors within windows of voices that training does not hear, and on real meetings; all that were validated are kept.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch

from duplex.models.corpora.manifest import data_folder
from duplex.models.corpora.optimizers import adamw, average_into, scale
from duplex.models.corpora.training_run import TrainingRun
from duplex.models.diarization.segmentation.networks import WINDOW, prepared, speakers_of
from duplex.models.diarization.segmentation.train.losses import powerset_loss
from duplex.models.diarization.segmentation.train.network import begun
from duplex.models.diarization.segmentation.train.validation import errors, scenes
from duplex.models.diarization.segmentation.train.windows import Windows, divided
from duplex.models.diarization.train.speaker_corpus import Voices

WARM_UP = 100
DECAY = 0.998
"""Of the average of weights, a step."""


class SegmentationTraining(TrainingRun):
    """One run. arguments: of the command line."""

    COUNTERS = ("step", "used")

    def __init__(self, arguments: argparse.Namespace) -> None:
        super().__init__(Path(arguments.out))
        self.out.mkdir(parents=True, exist_ok=True)
        torch.manual_seed(arguments.seed)
        self._asked = arguments
        self._net = begun()
        self._average = deepcopy(self._net)
        self._optimizer = adamw(self._net.parameters(), arguments.rate)
        self._pool = Windows(Path(arguments.pool))
        self._kinds: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {}
        self.resume()
        self._rng = np.random.default_rng([arguments.seed, self.step])

    def state(self) -> dict[str, Any]:
        return {
            "net": self._net.state_dict(),
            "average": self._average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        self._net.load_state_dict(state["net"])
        self._average.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])

    def run(self) -> None:
        """Until the minutes are used up."""
        data = data_folder(self._asked.data)
        self._kinds = scenes(data, divided(Voices.load(data))[1])
        if not self.step:
            self.validate()
        self.loop(self.advance, self.validate, self._goes_on, every=50, check=self._asked.every, save=5)

    def advance(self) -> dict[str, float]:
        """One step."""
        samples, labels = self._pool.batch(self._rng, self._asked.batch)
        heard = torch.from_numpy(np.stack([prepared(window) for window in samples]))
        with torch.autocast("cpu", torch.bfloat16, enabled=self._asked.bf16):
            logits = self._net(heard)
        loss = powerset_loss(logits, torch.from_numpy(labels))
        factor = scale(self.step, self.used / (self._asked.minutes * 60), WARM_UP)
        for group in self._optimizer.param_groups:
            group["lr"] = self._asked.rate * factor
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self._net.parameters(), 1.0)
        if torch.isfinite(norm):
            self._optimizer.step()
        average_into(self._average, self._net, min(DECAY, (self.step + 1) / (self.step + 10)))
        self.step += 1
        return {"loss": float(loss.detach())}

    def validate(self) -> None:
        """A line in the log, and the averaged weights of this moment in a file."""
        self.note(**errors(self._segment, self._kinds))
        np.savez(self.out / f"step-{self.step:06d}.npz", **self._average.published())

    def _segment(self, samples: np.ndarray) -> np.ndarray:
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=self._asked.bf16):
            logits = self._average(torch.from_numpy(prepared(samples)[None]))
        return speakers_of(logits[0].float().softmax(-1).numpy(), WINDOW)

    def _goes_on(self) -> bool:
        return self.used < self._asked.minutes * 60 and self.step < self._asked.max_steps


def main() -> None:
    parser = argparse.ArgumentParser(description="Train the published segmentation further.")
    parser.add_argument("--out", required=True, help="folder of checkpoints and log.jsonl")
    parser.add_argument("--pool", required=True, help="folder that windows.py fills")
    parser.add_argument("--data", help="data folder; default $DUPLEX_DATA")
    parser.add_argument("--minutes", type=float, default=100)
    parser.add_argument("--max-steps", type=int, default=10**9)
    parser.add_argument("--every", type=float, default=10, help="minutes between validations")
    parser.add_argument("--rate", type=float, default=5e-4)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--no-bf16", dest="bf16", action="store_false", help="for processors that are slow in bf16")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    SegmentationTraining(arguments).run()


if __name__ == "__main__":
    main()
