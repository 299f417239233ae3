"""Tiny models of random weights, of the very classes that real weights are loaded into."""

from __future__ import annotations

import functools
from typing import Any

import pytest

FAMILIES = ("llama", "qwen2", "qwen3", "gemma", "gemma3")
VOCABULARY = 97


@functools.cache
def tiny(family: str, layers: int = 3, window: int = 4096) -> Any:
    """A causal model in evaluation mode, with grouped heads; window: of gemma3's local layers."""
    torch = pytest.importorskip("torch")
    transformers = pytest.importorskip("transformers")
    torch.set_num_threads(1)
    shape = {
        "vocab_size": VOCABULARY,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "pad_token_id": 0,
        "eos_token_id": 2,
    }
    if family in ("qwen3", "gemma", "gemma3"):
        shape["head_dim"] = 16
    kinds = {
        "llama": ("LlamaConfig", "LlamaForCausalLM", {}),
        "qwen2": ("Qwen2Config", "Qwen2ForCausalLM", {}),
        "qwen3": ("Qwen3Config", "Qwen3ForCausalLM", {}),
        "gemma": ("GemmaConfig", "GemmaForCausalLM", {}),
        "gemma3": (
            "Gemma3TextConfig",
            "Gemma3ForCausalLM",
            {
                "sliding_window": window,
                "layer_types": ["sliding_attention" if place % 2 == 0 else "full_attention" for place in range(layers)],
            },
        ),
    }
    config, model, more = kinds[family]
    torch.manual_seed(0)
    made = getattr(transformers, model)(getattr(transformers, config)(**shape, **more)).eval()
    with torch.no_grad():  # larger than at the start of training: attention has to matter for a fault in it to show
        for name, weight in made.named_parameters():
            if "norm" not in name:
                weight.mul_(4.0)
    return made


def ids_of(count: int, seed: int = 0) -> list[int]:
    import numpy as np

    return [int(each) for each in np.random.default_rng(seed).integers(3, VOCABULARY, count)]


def whole(model: Any, ids: list[int]) -> Any:
    """Logits of every position, computed at once without a cache: (n, vocabulary)."""
    import torch

    with torch.inference_mode():
        return model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


def apart(first: Any, second: Any) -> float:
    """The largest difference of logits."""
    return float((first - second).abs().max())
