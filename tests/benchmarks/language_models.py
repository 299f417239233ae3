"""Models for the benchmarks of language models: real ones by name, and a small one of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RANDOM = "random"
"""Names a small Llama of random weights: its speed is what it is, its words mean nothing."""
RANDOM_HALF = "random-0.5b"
"""Names a model of random weights in the shape of Qwen2-0.5B: 494 M parameters."""


def open_network(name: str) -> Any:
    """The causal model `name`, in evaluation mode, one thread: one of those above, a folder, a GGUF file or a name of
    the store."""
    import torch

    torch.set_num_threads(1)
    if name in (RANDOM, RANDOM_HALF):
        return _random(name)
    from transformers import AutoModelForCausalLM

    place, given = _source(name)
    return AutoModelForCausalLM.from_pretrained(place, dtype=torch.float32, **given).eval()


def open_tokenizer(name: str) -> Any:
    """The tokenizer of a model that has one."""
    from transformers import AutoTokenizer

    place, given = _source(name)
    return AutoTokenizer.from_pretrained(place, **given)


def _source(name: str) -> tuple[str, dict[str, str]]:
    """What `from_pretrained` takes."""
    from duplex.models.interaction.responders.local_models import locate

    place = Path(locate(name))
    return (str(place.parent), {"gguf_file": place.name}) if place.is_file() else (str(place), {})


def _random(name: str) -> Any:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    if name == RANDOM_HALF:
        shape: dict[str, Any] = {
            "vocab_size": 151936,
            "hidden_size": 896,
            "intermediate_size": 4864,
            "num_hidden_layers": 24,
            "num_attention_heads": 14,
            "num_key_value_heads": 2,
            "max_position_embeddings": 32768,
            "rope_parameters": {"rope_type": "default", "rope_theta": 1e6},
            "tie_word_embeddings": True,
        }
        return Qwen2ForCausalLM(Qwen2Config(**shape)).eval()
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=128,
        intermediate_size=256,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=16384,
    )
    return LlamaForCausalLM(config).eval()
