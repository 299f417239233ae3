"""Writes the network as the two graphs that runtime.py runs.

Run `python -m duplex.models.diarization.train.export best.safetensors`.
Weights are stored in half precision, each with a cast that the runtime folds away at loading.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from duplex.models.corpora.onnx_export import write_graph
from duplex.models.diarization import WEIGHTS
from duplex.models.diarization.config import DiarizationConfig
from duplex.models.diarization.network import DiarizationNet
from duplex.models.diarization.profiles import Profiles
from duplex.models.diarization.retention import RetentionState
from duplex.models.diarization.weights_file import load_weights


def export(net: DiarizationNet, folder: str | Path) -> None:
    """Writes encoder.onnx and decoder.onnx. Needs `onnx` (extra: train)."""
    net = net.eval()
    config = net.config
    reach = 2 * max(config.look_ahead) + 1
    layers, decoders = range(config.encoder_layers), range(config.decoder_layers)
    kernels = torch.stack([_padded(net.ahead[str(n)].weight.detach(), reach) for n in config.look_ahead])
    biases = torch.stack([net.ahead[str(n)].bias.detach() for n in config.look_ahead])

    class Encoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net

        def forward(self, inputs, weight, *tensors):
            x = self.net.input_norm(self.net.input(inputs))
            memories, pasts = [], []
            for block, memory, past in zip(
                self.net.blocks, tensors[: len(layers)], tensors[len(layers) :], strict=True
            ):
                x, after, past = block(x, RetentionState(memory, weight), past)
                memories.append(after.memory)
                pasts.append(past)
            return (x, after.weight, *memories, *pasts)

    class Decoder(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = net
            self.register_buffer("kernels", kernels)
            self.register_buffer("biases", biases)

        def forward(self, window, choice, places, weight, sums, counts, *tensors):
            kernel = self.kernels.index_select(0, choice)[0]
            convolved = window.flatten(1) @ kernel + self.biases.index_select(0, choice)
            embedding = F.normalize(convolved, dim=-1)
            placed = torch.cat([embedding.expand(places.shape[0], config.width), places], dim=-1)
            u = self.net.slot(placed)[None, :, None]
            profiles = Profiles(sums[None], counts[None])
            likeness = torch.zeros(1, 1, 1)
            if self.net.profile is not None:
                told, likeness = self.net.profile(embedding[None], profiles.now())
                u = u + told
            memories = []
            for layer, memory in zip(self.net.decoder, tensors, strict=True):
                u, after = layer(u, RetentionState(memory, weight))
                memories.append(after.memory)
            cosines = (F.normalize(u, dim=-1)[:, :, 0] * embedding[None]).sum(-1)
            logits = self.net.scale * cosines + self.net.bias + likeness[:, 0]
            heard = profiles.heard(embedding, logits)
            return (torch.sigmoid(logits), after.weight, heard.sums[0], heard.counts[0], *memories)

    state = net.initial_state(1, max(config.look_ahead))
    names = ["weight", *(f"memory{n}" for n in layers), *(f"past{n}" for n in layers)]
    tensors = [state.encoder[0].weight, *(m.memory for m in state.encoder), *state.convolution]
    inputs = torch.randn(1, 7, config.splice)
    folder = Path(folder)
    _write(Encoder(), (inputs, *tensors), ["inputs", *names], ["hidden"], names, {}, folder / "encoder.onnx", config)
    names = ["weight", "sums", "counts", *(f"memory{n}" for n in decoders)]
    profiles = [state.profiles.sums[0], state.profiles.counts[0]]
    tensors = [state.decoder[0].weight, *profiles, *(m.memory for m in state.decoder)]
    window = torch.randn(1, reach, config.width)
    first = ["window", "choice", "places", *names]
    slots = {"places": {0: "slots"}, "probabilities": {1: "slots"}} | {name: {0: "slots"} for name in names[1:]}
    arguments = (window, torch.tensor([0]), net.places, *tensors)
    _write(Decoder(), arguments, first, ["probabilities"], names, slots, folder / "decoder.onnx", config)


def _padded(kernel: Tensor, reach: int) -> Tensor:
    """(out, in, taps) to (reach * in, out), the middle tap in the middle."""
    missing = (reach - kernel.shape[2]) // 2
    return F.pad(kernel, (missing, missing)).permute(2, 1, 0).flatten(0, 1)


def _write(module, arguments, inputs, outputs, names, axes, path: Path, config: DiarizationConfig) -> None:
    frames = {"inputs": {1: "frames"}, "hidden": {1: "frames"}}
    used = frames | axes | {f"next_{name}": axes[name] for name in names if name in axes}
    metadata = {"config": json.dumps(config.as_dict())}
    outputs = [*outputs, *(f"next_{name}" for name in names)]
    write_graph(module, arguments, inputs, outputs, path, axes=used, weights="float16", metadata=metadata)


def main() -> None:
    parser = argparse.ArgumentParser(description="Export a trained diarization network for use.")
    parser.add_argument("weights", help="best.safetensors of a training")
    parser.add_argument("--out", default=str(WEIGHTS), help="folder of the graphs (default: the shipped ones)")
    arguments = parser.parse_args()
    Path(arguments.out).mkdir(parents=True, exist_ok=True)
    export(load_weights(arguments.weights), arguments.out)


if __name__ == "__main__":
    main()
