"""Writes the network as the graph that runtime.py runs, one block at a time, with the thresholds of its labels.

Run `python -m duplex.models.sounds.train.export runs/sounds/best.safetensors`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from duplex.models.corpora.onnx_export import write_graph
from duplex.models.sounds import WEIGHTS, load_tagger
from duplex.models.sounds.contract import Threshold
from duplex.models.sounds.network import TaggerNet
from duplex.models.sounds.train.corpus import load_corpus
from duplex.models.sounds.train.thresholds import fit_thresholds
from duplex.models.sounds.weights_file import load_weights


class _Block(nn.Module):
    def __init__(self, net: TaggerNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, planes: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        logits, after = self.net(planes, state)
        return torch.sigmoid(logits[:, 0]), *after


def export(net: TaggerNet, path: str | Path, thresholds: Mapping[str, Threshold]) -> None:
    """Writes the graph of one block, (1, 2, frames, mels) and state tensors to (1, labels) and state tensors."""
    config = net.config
    state = net.initial_state()
    names = [*(f"past{number}" for number in range(len(state) - 1)), "hidden"]
    planes = torch.randn(1, 2, config.frames, config.mels)
    metadata = {
        "config": json.dumps(config.as_dict()),
        "thresholds": json.dumps({label: asdict(each) for label, each in thresholds.items()}),
    }
    outputs = ["probabilities", *(f"next_{name}" for name in names)]
    inputs = ["planes", *names]
    write_graph(_Block(net), (planes, *state), inputs, outputs, Path(path), weights="float16", metadata=metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a trained sound tagger for use, with thresholds fitted to it.")
    parser.add_argument("weights", help="best.safetensors of a training")
    parser.add_argument("--corpus", default="runs/sounds/corpus", help="the training's decoded recordings")
    parser.add_argument("--out", default=str(WEIGHTS), help="the graph's file (default: the shipped one)")
    arguments = parser.parse_args()
    net, out = load_weights(arguments.weights), Path(arguments.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    export(net, out, {})
    thresholds = fit_thresholds(load_tagger(out), load_corpus(arguments.corpus, "dev"))
    export(net, out, thresholds)
    for label, threshold in thresholds.items():
        print(f"{label}: {threshold.on:g} / {threshold.off:g}")


if __name__ == "__main__":
    main()
