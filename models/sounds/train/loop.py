"""Trains the sound tagger: `python -m duplex.models.sounds.train --out runs/sounds --minutes 12`.

Scenes are made as they are needed. Interrupt it whenever you like; the same command goes on from its last checkpoint.
Averaged weights are validated on scenes of held-out sources; the best by mean average precision are kept.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from duplex.models.corpora.manifest import data_folder
from duplex.models.corpora.optimizers import adamw, average_into, scale
from duplex.models.sounds.config import TaggerConfig
from duplex.models.sounds.contract import LABELS
from duplex.models.sounds.features import Features
from duplex.models.sounds.network import TaggerNet
from duplex.models.sounds.train.corpus import build_corpus, load_corpus
from duplex.models.sounds.train.scenes import Scene, SceneMaker
from duplex.models.sounds.train.scoring import label_precisions
from duplex.models.sounds.weights_file import save_weights

POSITIVE = 3.0
"""Weight of a label that is heard against one that is not."""
AVERAGE = 0.995
"""Decay of the averaged weights, a step."""
VALIDATION_SCENES = 240
FRESH = 4
"""Scenes made for each step; the rest of its batch was made for earlier ones."""
KEPT = 4000
"""Scenes that are kept for that."""


def batch_of(scenes: list[Scene], features: Features) -> tuple[Tensor, Tensor, Tensor]:
    """Planes, targets and weights of scenes of one length."""
    planes = np.stack([features.forward(scene.samples) for scene in scenes])
    targets, weights = (np.stack([getattr(scene, name) for scene in scenes]) for name in ("targets", "weights"))
    return torch.from_numpy(planes), torch.from_numpy(targets), torch.from_numpy(weights)


def spoiled(planes: Tensor, rng: np.random.Generator) -> Tensor:
    """In place: a stripe of bands and one of frames blanked in half of the scenes (SpecAugment, arXiv 1904.08779)."""
    for scene in planes:
        if rng.random() < 0.5:
            first, width = int(rng.integers(56)), int(rng.integers(1, 12))
            scene[:, :, first : first + width] = 0.0
        if rng.random() < 0.3:
            first, width = int(rng.integers(scene.shape[1])), int(rng.integers(1, 20))
            scene[:, first : first + width] = 0.0
    return planes


def loss_of(logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy over the blocks and labels that are known, targets smoothed by 0.02."""
    smooth = targets * 0.96 + 0.02
    weights = weights * (1.0 + (POSITIVE - 1.0) * targets)
    each = nn.functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none")
    return (each * weights).sum() / weights.sum()


class Validation:
    """Scenes of held-out sources, the same each time."""

    def __init__(self, maker: SceneMaker, features: Features, count: int = VALIDATION_SCENES, seed: int = 7) -> None:
        scenes = [maker.draw(np.random.default_rng([seed, number])) for number in range(count)]
        self._batches = [batch_of(scenes[at : at + 16], features) for at in range(0, count, 16)]

    def precisions(self, net: TaggerNet) -> np.ndarray:
        """Average precision of each label over all blocks."""
        net.eval()
        with torch.no_grad():
            scores = [torch.sigmoid(net(planes)[0]).flatten(0, 1).numpy() for planes, _, _ in self._batches]
        targets, weights = ([each[part].flatten(0, 1).numpy() for each in self._batches] for part in (1, 2))
        return label_precisions(np.concatenate(scores), np.concatenate(targets), np.concatenate(weights))


def train(arguments: argparse.Namespace) -> None:
    """Runs until the minutes of computing are used up, those of earlier runs included."""
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    out = Path(arguments.out)
    out.mkdir(parents=True, exist_ok=True)
    build_corpus(data_folder(arguments.data), out / "corpus")
    net = TaggerNet(TaggerConfig()).to(memory_format=torch.channels_last)
    average = TaggerNet(TaggerConfig()).requires_grad_(False)
    optimizer = adamw(net.parameters(), arguments.rate)
    features = Features(net.config)
    maker = SceneMaker(load_corpus(out / "corpus", "fit"), arguments.seconds)
    validation = Validation(SceneMaker(load_corpus(out / "corpus", "dev")), features)
    step, spent, best = 0, 0.0, 0.0
    if (out / "last.pt").exists():
        kept = torch.load(out / "last.pt", weights_only=True)
        net.load_state_dict(kept["net"])
        average.load_state_dict(kept["average"])
        optimizer.load_state_dict(kept["optimizer"])
        step, spent, best = kept["step"], kept["spent"], kept["best"]
    else:
        average.load_state_dict(net.state_dict())
    pool: deque[tuple[Tensor, Tensor, Tensor]] = deque(maxlen=KEPT // FRESH)
    began, checked, losses = time.process_time(), time.process_time(), []
    while (used := spent + time.process_time() - began) < arguments.minutes * 60:
        rng = np.random.default_rng([arguments.seed, step])
        pool.append(batch_of([maker.draw(rng) for _ in range(FRESH)], features))
        drawn = [pool[-1], *(pool[int(rng.integers(len(pool)))] for _ in range(arguments.batch // FRESH - 1))]
        planes, targets, weights = (torch.cat(parts) for parts in zip(*drawn, strict=True))
        net.train()
        logits, _ = net(spoiled(planes, rng).to(memory_format=torch.channels_last))
        loss = loss_of(logits, targets, weights)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 2.0)
        for group in optimizer.param_groups:
            group["lr"] = arguments.rate * scale(step, used / (arguments.minutes * 60))
        optimizer.step()
        average_into(average, net, min(AVERAGE, (step + 1) / (step + 10)))
        losses.append(loss.item())
        step += 1
        if time.process_time() - checked > arguments.check * 60 or used > arguments.minutes * 60 - 20:
            checked = time.process_time()
            precisions = validation.precisions(average)
            mean = float(np.nanmean(precisions))
            if mean > best:
                best = mean
                save_weights(out / "best.safetensors", average)
            used = spent + time.process_time() - began
            kept = {"net": net.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save({**kept, "step": step, "spent": used, "best": best}, out / "last.pt")
            told = {name: round(float(each), 3) for name, each in zip(LABELS, precisions, strict=True)}
            line = {"step": step, "minutes": round(used / 60, 1), "loss": float(np.mean(losses)), "mAP": mean, **told}
            with open(out / "log.jsonl", "a") as log:
                print(json.dumps(line), file=log)
            print(f"step {step} {used / 60:.1f} min loss {np.mean(losses):.4f} mAP {mean:.4f}", flush=True)
            losses = []


def main() -> None:
    options = argparse.ArgumentParser(description="Train the sound tagger.")
    options.add_argument("--out", default="runs/sounds", help="folder of the corpus, checkpoints and log")
    options.add_argument("--data", help="the data folder (default: $DUPLEX_DATA or ../shared/data)")
    options.add_argument("--minutes", type=float, default=12.0, help="of computing, however long that takes")
    options.add_argument("--check", type=float, default=1.0, help="minutes of computing between validations")
    options.add_argument("--batch", type=int, default=16)
    options.add_argument("--seconds", type=float, default=8.0, help="length of a scene")
    options.add_argument("--rate", type=float, default=2e-3)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--seed", type=int, default=1)
    train(options.parse_args())


if __name__ == "__main__":
    main()
