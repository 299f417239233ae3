"""Models for the benchmarks of language models: real ones by name, and a small one of random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

RANDOM = "random"
"""Names a small Llama of random weights: its speed is what it is, its words mean nothing."""


def open_network(name: str) -> Any:
    """The causal model `name`: RANDOM, a folder, a GGUF file or a name of the store; in evaluation mode, one thread."""
    import torch

    torch.set_num_threads(1)
    if name == RANDOM:
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(0)
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
    from transformers import AutoModelForCausalLM

    from duplex.models.interaction.responders.local_models import locate

    place = Path(locate(name))
    if place.is_file():
        made = AutoModelForCausalLM.from_pretrained(str(place.parent), gguf_file=place.name, dtype=torch.float32)
    else:
        made = AutoModelForCausalLM.from_pretrained(str(place), dtype=torch.float32)
    return made.eval()
