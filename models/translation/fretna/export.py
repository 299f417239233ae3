"""Writes a trained network as the graphs that engine.py runs, with int8 weights.

Run `python -m duplex.models.translation.fretna.export TRAINING --teacher FOLDER --data FOLDER`; the teacher's folder
holds vocabulary.model.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from duplex.models.corpora.onnx_export import write_graph

from .canvas import REFUSED
from .engine import WEIGHTS, FretnaTranslator
from .network import EditNet


class _Encoder(nn.Module):
    def __init__(self, net: EditNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, source: Tensor) -> Tensor:
        return self.net.encode(source, None)


class _Look(nn.Module):
    """What editing.Seen holds; the subwords of placeholders are chosen within the graph."""

    def __init__(self, net: EditNet) -> None:
        super().__init__()
        self.net = net
        refused = torch.zeros(net.config.vocabulary)
        refused[list(REFUSED)] = -1e9
        self.register_buffer("refused", refused)

    def forward(self, canvas: Tensor, encoded: Tensor, places: Tensor) -> tuple[Tensor, ...]:
        vectors, attention = self.net.look(canvas, None, encoded, None)
        keep, insert = self.net.edits(vectors[0])
        logits = self.net.base.logits(vectors[0].index_select(0, places)) + self.refused
        best, fill = logits.max(-1)
        return keep[:, 1] - keep[:, 0], insert, fill, best - logits.logsumexp(-1), attention[0]


def export_graphs(net: EditNet, folder: str | Path, quantized: bool = True) -> None:
    """Writes encoder.onnx and look.onnx. Needs `onnx` (extra: train)."""
    folder, net = Path(folder), net.eval()
    folder.mkdir(parents=True, exist_ok=True)
    source = torch.randint(10, net.config.vocabulary, (1, 5))
    canvas, places = torch.randint(10, net.config.vocabulary, (1, 6)), torch.tensor([3, 4])
    axes = {
        "source": {1: "source"},
        "encoded": {1: "source"},
        "canvas": {1: "length"},
        "places": {0: "places"},
        "keep": {0: "length"},
        "insert": {0: "length"},
        "fill": {0: "places"},
        "sure": {0: "places"},
        "attention": {0: "length", 1: "source"},
    }
    weights: Literal["int8", "float32"] = "int8" if quantized else "float32"
    write_graph(_Encoder(net), (source,), ["source"], ["encoded"], folder / "encoder.onnx", axes=axes, weights=weights)
    with torch.no_grad():
        encoded = net.encode(source, None)
    write_graph(
        _Look(net),
        (canvas, encoded, places),
        ["canvas", "encoded", "places"],
        ["keep", "insert", "fill", "sure", "attention"],
        folder / "look.onnx",
        axes=axes,
        weights=weights,
    )


def main() -> None:
    from ..train.calibrate import calibrate
    from .train.training import load_edit_net

    parser = argparse.ArgumentParser(description="Export a trained FReTNA for use.")
    parser.add_argument("training", help="folder of a training: best.safetensors")
    parser.add_argument("--teacher", required=True, help="folder with vocabulary.model")
    parser.add_argument("--data", help="folder with text/, to calibrate the quality estimate")
    parser.add_argument("--out", default=str(WEIGHTS), help="folder of the graphs (default: the shipped ones)")
    parser.add_argument("--float", action="store_true", help="32-bit weights instead of int8")
    arguments = parser.parse_args()
    out = Path(arguments.out)
    export_graphs(load_edit_net(Path(arguments.training) / "best.safetensors"), out, not arguments.float)
    shutil.copyfile(Path(arguments.teacher) / "vocabulary.model", out / "vocabulary.model")
    print(calibrate(out, arguments.data, FretnaTranslator))


if __name__ == "__main__":
    main()
