"""Diarization error by frames, quick enough to choose checkpoints by; evaluate.py scores as the field does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from duplex.models.diarization.config import DiarizationConfig
from duplex.models.diarization.features import Features
from duplex.models.diarization.network import DiarizationNet
from duplex.models.diarization.train import scoring
from duplex.models.diarization.train.eval_scenes import meetings
from duplex.models.diarization.train.example_cache import at_rate, frame_activity
from duplex.models.diarization.train.simulation import simulate
from duplex.models.diarization.train.speaker_corpus import Voices

SCENES = (1, 1, 2, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 4, 6, 6, 8, 8)
SECONDS = 60.0


def frame_errors(reference: np.ndarray, found: np.ndarray) -> tuple[float, float, float, float]:
    """(missed, false alarm, confusion, speech) in speaker frames under the best assignment of speakers.

    reference: (frames, speakers), found: (frames, speakers'), bool. No collar, overlap counted.
    """
    from scipy.optimize import linear_sum_assignment

    both = reference.astype(np.float64).T @ found.astype(np.float64)
    correct = both[linear_sum_assignment(-both)].sum()
    wanted, given = reference.sum(1), found.sum(1)
    missed = float(np.maximum(wanted - given, 0).sum())
    false = float(np.maximum(given - wanted, 0).sum())
    confusion = float(np.minimum(wanted, given).sum() - correct)
    return missed, false, confusion, float(wanted.sum())


class Validation:
    """Simulated conversations of held-out voices and the real meetings of the validation split."""

    def __init__(self, data: Path, config: DiarizationConfig, cache: Path) -> None:
        features = Features(config)
        if not cache.exists():
            _build(data, features, cache)
        kept = np.load(cache)
        self.scenes = [
            (str(name), kept[f"inputs{number}"].astype(np.float32), kept[f"activity{number}"])
            for number, name in enumerate(kept["names"])
        ]

    def score(self, net: DiarizationNet, device: str = "cpu", look_aheads: tuple[int, ...] = (9,)) -> dict:
        """DER in percent: `der` to choose by, and by kind of scene, at the longest look-ahead; others as `der@n`."""
        figures: dict[str, float] = {}
        offered = [n for n in look_aheads if n in net.config.look_ahead]
        for look_ahead in offered:
            errors: dict[str, np.ndarray] = {}
            for name, activity, found in self._diarized(net, look_ahead, device):
                errors[name] = errors.get(name, 0) + np.array(frame_errors(activity, found))
            rates = {name: float(e[:3].sum() / e[3] * 100) for name, e in errors.items()}
            simulated = float(np.mean([rate for name, rate in rates.items() if name != "ami"]))
            total = (simulated + rates["ami"]) / 2 if "ami" in rates else simulated
            if look_ahead == offered[0]:
                figures |= {"der": round(total, 2)} | {name: round(rate, 1) for name, rate in rates.items()}
                if "ami" in errors:
                    parts = errors["ami"][:3] / errors["ami"][3] * 100
                    figures |= dict(zip(("ami_miss", "ami_false", "ami_conf"), parts.round(1).tolist(), strict=True))
            else:
                figures[f"der@{look_ahead}"] = round(total, 2)
        return figures

    def _diarized(self, net: DiarizationNet, look_ahead: int, device: str):
        """(name, activity, found activity) of each scene; scenes of one length at once."""
        by_length: dict[int, list[tuple[str, np.ndarray, np.ndarray]]] = {}
        for scene in self.scenes:
            by_length.setdefault(len(scene[1]), []).append(scene)
        for scenes in by_length.values():
            with torch.no_grad():
                logits = net(
                    torch.from_numpy(np.stack([inputs for _, inputs, _ in scenes])).to(device), look_ahead
                ).logits
            for (name, _, activity), row in zip(scenes, logits.float().cpu().numpy(), strict=True):
                yield name, activity, row[: len(activity), 1:-1] > 0


def _build(data: Path, features: Features, cache: Path) -> None:
    voices = Voices.load(data, "valid", rooms=40)
    calls = data / "text" / "earnings22_turns.csv.gz"
    kept: dict[str, np.ndarray] = {}
    names = []
    for number, speakers in enumerate(SCENES):
        made = simulate(np.random.default_rng([77, number]), voices, speakers, SECONDS, calls)
        inputs = features.forward(at_rate(made.samples, features.sample_rate))
        kept[f"inputs{number}"] = inputs.astype(np.float16)
        kept[f"activity{number}"] = frame_activity(made.activity, len(inputs))
        names.append(f"sim{speakers}")
    for meeting in meetings(data):
        inputs = features.forward(at_rate(meeting.samples, features.sample_rate))
        spoken = scoring.activity(meeting.turns, sorted(scoring.speakers_of(meeting.turns)), len(inputs) / 10)
        kept[f"inputs{len(names)}"] = inputs.astype(np.float16)
        kept[f"activity{len(names)}"] = frame_activity(spoken, len(inputs))
        names.append("ami")
    np.savez(cache, names=np.array(names), **kept)
