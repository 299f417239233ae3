"""Writes what the engine `tuned` runs: weights a part of the way from published to trained ones (Wortsman et al. 2022).

    python -m duplex.models.restoration.train.deepfilter.export runs/restoration/enhance/best.tar.gz --share 0.7

Training with the noises at hand forgets some of those that the published weights know; part of the way has the best of
both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from duplex.models.restoration.engines.tuned import AHEAD, WEIGHTS
from duplex.models.restoration.train.deepfilter.network import DeepFilterNet, hastened


def part_way(published: DeepFilterNet, trained: DeepFilterNet, share: float) -> DeepFilterNet:
    """`published`, changed to the point where `share` of the way to `trained` is gone."""
    learned = dict(trained.named_parameters())
    with torch.no_grad():
        for name, value in published.named_parameters():
            value.lerp_(learned[name], share)
    return published


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("trained", type=Path, help="best.tar.gz of a training")
    options.add_argument("--task", choices=tuple(WEIGHTS), default="enhance", help="what it was trained for")
    options.add_argument("--share", type=float, default=1.0, help="0: as published; 1: as trained")
    options.add_argument("--out", type=Path, help="default: among the included weights")
    arguments = options.parse_args()
    trained = DeepFilterNet(arguments.trained, AHEAD)
    part_way(hastened(), trained, arguments.share).save(arguments.out or WEIGHTS[arguments.task])


if __name__ == "__main__":
    main()
