"""Writes trained weights for use: `python -m duplex.models.diarization.segmentation.train.export STEP.npz FILE`.

With --share, of weights between the published and the trained ones (corpora/weight_interpolation.py).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from duplex.models.corpora.weight_interpolation import between
from duplex.models.diarization.segmentation.train.network import begun


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a trained segmentation for use.")
    parser.add_argument("weights", help="step-….npz of a training")
    parser.add_argument("out", help="file to write, .safetensors")
    parser.add_argument("--share", type=float, default=1.0, help="of the trained weights; the rest are the published")
    arguments = parser.parse_args()
    with np.load(arguments.weights) as found:
        made = between(begun().published(), dict(found), arguments.share)
    Path(arguments.out).parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.astype(np.float16) for name, tensor in made.items()}, arguments.out)


if __name__ == "__main__":
    main()
