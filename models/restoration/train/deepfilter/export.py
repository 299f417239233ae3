"""Writes what the engine `tuned` runs, with --share weights between the published and the trained ones.

    python -m duplex.models.restoration.train.deepfilter.export runs/restoration/enhance/best.tar.gz --share 0.7

Training with the noises at hand forgets some of those that the published weights know.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from duplex.models.corpora.weight_interpolation import between
from duplex.models.restoration.engines.tuned import AHEAD, WEIGHTS
from duplex.models.restoration.train.deepfilter.network import DeepFilterNet, hastened


def main() -> None:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("trained", type=Path, help="best.tar.gz of a training")
    options.add_argument("--task", choices=tuple(WEIGHTS), default="enhance", help="what it was trained for")
    options.add_argument("--share", type=float, default=1.0, help="0: as published; 1: as trained")
    options.add_argument("--out", type=Path, help="default: among the included weights")
    arguments = options.parse_args()
    net, trained = hastened(), DeepFilterNet(arguments.trained, AHEAD)
    net.load_state_dict(between(net.state_dict(), trained.state_dict(), arguments.share))
    net.save(arguments.out or WEIGHTS[arguments.task])


if __name__ == "__main__":
    main()
