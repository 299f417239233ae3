"""Writes a trained network as the graphs that engine.py runs, with int8 weights.

Run `python -m duplex.models.translation.export runs/translation --data FOLDER`. The folder of a training holds
best.safetensors and vocabulary.model.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor, nn

from duplex.models.corpora.onnx_export import write_graph

from .engine import WEIGHTS
from .network import TranslationNet, padding_mask


class _Encoder(nn.Module):
    def __init__(self, net: TranslationNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, source: Tensor) -> Tensor:
        encoded = self.net.encode(source, padding_mask(source))
        return torch.stack([torch.stack(pair) for pair in self.net.memories(encoded)])


class _Decoder(nn.Module):
    def __init__(self, net: TranslationNet) -> None:
        super().__init__()
        self.net = net

    def forward(self, numbers: Tensor, memory: Tensor, mask: Tensor, past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        return self.net.step(numbers, memory, mask, past)


def export_graphs(net: TranslationNet, folder: str | Path, quantized: bool = True) -> None:
    """Writes encoder.onnx and decoder.onnx. Needs `onnx` (extra: train)."""
    folder, net, config = Path(folder), net.eval(), net.config
    folder.mkdir(parents=True, exist_ok=True)
    layers, heads, width = config.decoder_layers, config.heads, config.head_width
    source = torch.randint(10, config.vocabulary, (2, 5))
    memory, past = torch.randn(layers, 2, 2, heads, 5, width), torch.randn(layers, 2, 2, heads, 3, width)
    mask = torch.zeros(2, 1, 1, 5)
    numbers = torch.randint(10, config.vocabulary, (2, 2))
    axes = {
        "source": {0: "batch", 1: "source"},
        "memory": {2: "batch", 4: "source"},
        "numbers": {0: "batch", 1: "new"},
        "mask": {0: "batch", 3: "source"},
        "past": {2: "batch", 4: "target"},
        "logs": {0: "batch", 1: "new"},
        "next_past": {2: "batch", 4: "total"},
        "attention": {0: "batch", 1: "new", 2: "source"},
    }
    weights: Literal["int8", "float32"] = "int8" if quantized else "float32"
    write_graph(_Encoder(net), (source,), ["source"], ["memory"], folder / "encoder.onnx", axes=axes, weights=weights)
    write_graph(
        _Decoder(net),
        (numbers, memory, mask, past),
        ["numbers", "memory", "mask", "past"],
        ["logs", "next_past", "attention"],
        folder / "decoder.onnx",
        axes=axes,
        weights=weights,
    )


def main() -> None:
    from .train.calibrate import calibrate
    from .train.weights_file import load_weights

    parser = argparse.ArgumentParser(description="Export a trained translator for use.")
    parser.add_argument("training", help="folder of a training: best.safetensors and vocabulary.model")
    parser.add_argument("--data", help="folder with text/, to calibrate the quality estimate")
    parser.add_argument("--out", default=str(WEIGHTS), help="folder of the graphs (default: the shipped ones)")
    parser.add_argument("--float", action="store_true", help="32-bit weights instead of int8")
    arguments = parser.parse_args()
    training, out = Path(arguments.training), Path(arguments.out)
    export_graphs(load_weights(training / "best.safetensors"), out, not arguments.float)
    shutil.copyfile(training / "vocabulary.model", out / "vocabulary.model")
    print(calibrate(out, arguments.data))


if __name__ == "__main__":
    main()
