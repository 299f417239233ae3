"""Writes trained weights as the graph that graph.py runs, with int8 weights.

    python -m duplex.models.interaction.nano.export runs/nano exported/nano --data FOLDER

The folder of a training holds best.safetensors, config.json and vocabulary.model. The threshold is the one with which
the most decisions are right on streams of the validation split.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from duplex.models.corpora.manifest import data_folder
from duplex.models.corpora.onnx_export import write_graph
from duplex.models.interaction.nano import load_nano
from duplex.models.interaction.nano.config import NanoConfig
from duplex.models.interaction.nano.graph import GRAPH, SETTINGS
from duplex.streaming.errors import ModelError

THRESHOLDS = (0.4, 0.6, 0.75, 0.85, 0.92)
STREAMS = 60
"""Of the validation split, by which the threshold is chosen."""


class CachedNano(nn.Module):
    """The network with an explicit cache, from the tensors of a `LlamaForCausalLM`.

    forward: ids (1, new) int64, past (layers, 2, key heads, old, head width) to logits (1, vocabulary) after the last
    token and the cache (layers, 2, key heads, old + new, head width), whose keys are not rotated.
    """

    def __init__(self, config: NanoConfig, tensors: dict[str, Tensor]) -> None:
        super().__init__()
        self.config = config
        for name, tensor in tensors.items():
            self.register_buffer(name.replace(".", "_"), tensor.float())
        half = torch.arange(0, config.head_width, 2).float() / config.head_width
        self.register_buffer("frequencies", config.theta**-half)

    def _of(self, layer: int, name: str) -> Tensor:
        return getattr(self, f"model_layers_{layer}_{name}_weight")

    def forward(self, ids: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        config = self.config
        vectors = functional.embedding(ids[0], self.model_embed_tokens_weight)
        old, new = past.shape[3], ids.shape[1]
        places = torch.arange(old + new)
        angles = places[:, None].float() * self.frequencies
        turns = torch.cat([angles, angles], -1)
        cosine, sine = turns.cos(), turns.sin()
        visible = places[None, :] <= places[old:][:, None]
        mask = torch.where(visible, 0.0, -1e9)
        kept = []
        for layer in range(config.layers):
            normed = self._norm(vectors, self._of(layer, "input_layernorm"))
            query = self._heads(normed, self._of(layer, "self_attn_q_proj"), config.heads)
            key = self._heads(normed, self._of(layer, "self_attn_k_proj"), config.key_heads)
            value = self._heads(normed, self._of(layer, "self_attn_v_proj"), config.key_heads)
            key, value = torch.cat([past[layer, 0], key], 1), torch.cat([past[layer, 1], value], 1)
            kept.append(torch.stack([key, value]))
            group = config.heads // config.key_heads
            key = _rotated(key, cosine, sine).repeat_interleave(group, 0)
            query = _rotated(query, cosine[old:], sine[old:])
            scores = query @ key.transpose(1, 2) / math.sqrt(config.head_width) + mask
            seen = (scores.softmax(-1) @ value.repeat_interleave(group, 0)).transpose(0, 1).flatten(1)
            vectors = vectors + seen @ self._of(layer, "self_attn_o_proj").T
            normed = self._norm(vectors, self._of(layer, "post_attention_layernorm"))
            gate = functional.silu(normed @ self._of(layer, "mlp_gate_proj").T)
            vectors = (
                vectors + (gate * (normed @ self._of(layer, "mlp_up_proj").T)) @ self._of(layer, "mlp_down_proj").T
            )
        last = self._norm(vectors[-1:], self.model_norm_weight)
        return last @ self.model_embed_tokens_weight.T, torch.stack(kept)

    def _norm(self, vectors: Tensor, weight: Tensor) -> Tensor:
        return vectors * torch.rsqrt(vectors.square().mean(-1, keepdim=True) + self.config.epsilon) * weight

    def _heads(self, vectors: Tensor, weight: Tensor, heads: int) -> Tensor:
        """(heads, tokens, head width)"""
        return (vectors @ weight.T).unflatten(-1, (heads, self.config.head_width)).transpose(0, 1)


def _rotated(vectors: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    first, second = vectors.chunk(2, -1)
    return vectors * cosine + torch.cat([-second, first], -1) * sine


def export_graph(config: NanoConfig, tensors: dict[str, Tensor], folder: Path, quantized: bool = True) -> None:
    """Writes nano.onnx and nano.json with a threshold of one half. Needs `onnx` (extra: train)."""
    folder.mkdir(parents=True, exist_ok=True)
    past = torch.zeros(config.layers, 2, config.key_heads, 3, config.head_width)
    write_graph(
        CachedNano(config, tensors),
        (torch.randint(10, config.vocabulary, (1, 2)), past),
        ["ids", "past"],
        ["logits", "cache"],
        folder / GRAPH,
        axes={"ids": {1: "new"}, "past": {3: "old"}, "cache": {3: "all"}},
        weights="int8" if quantized else "float32",
    )
    write_settings(folder, 0.5)


def write_settings(folder: Path, threshold: float, answers: bool = False) -> None:
    (folder / SETTINGS).write_text(json.dumps({"threshold": threshold, "answers": answers}), encoding="utf8")


def load_training(folder: Path) -> tuple[NanoConfig, dict[str, Tensor]]:
    """Configuration and tensors of a training. Raises ModelError."""
    from safetensors.torch import load_file

    try:
        config = NanoConfig(**json.loads((folder / "config.json").read_text(encoding="utf8")))
        return config, load_file(folder / "best.safetensors")
    except (OSError, ValueError, TypeError) as error:
        raise ModelError(f"{folder} holds no training of Duplex-nano: {error}") from error


def main() -> None:
    from duplex.models.interaction.nano.train.scoring import tuned_threshold

    parser = argparse.ArgumentParser(description="Export trained weights of Duplex-nano for use.")
    parser.add_argument("training", type=Path, help="folder of a training")
    parser.add_argument("out", type=Path, help="folder of the export")
    parser.add_argument("--data", help="folder with manifest.jsonl and text/ (default: $DUPLEX_DATA)")
    parser.add_argument("--answers", action="store_true", help="they were trained to answer and to call tools")
    parser.add_argument("--float", action="store_true", help="32-bit weights instead of int8")
    arguments = parser.parse_args()
    export_graph(*load_training(arguments.training), arguments.out, not arguments.float)
    shutil.copyfile(arguments.training / "vocabulary.model", arguments.out / "vocabulary.model")
    threshold, scores = tuned_threshold(load_nano(arguments.out), data_folder(arguments.data), THRESHOLDS, STREAMS)
    write_settings(arguments.out, threshold, arguments.answers)
    print(f"threshold {threshold}: {scores}")


if __name__ == "__main__":
    main()
