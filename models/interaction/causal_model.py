"""A causal language model of `transformers`, out of whatever names one, with an adapter merged if it has one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.models.interaction.adapter.lora import is_adapter, merge, read_config
from duplex.models.interaction.responders.local_models import locate
from duplex.models.transformers_library import check_transformers, loading, on_device, place_of
from duplex.streaming.errors import ModelError

if TYPE_CHECKING:
    import torch


def load_causal(
    name: str, device: str = "cpu", dtype: torch.dtype | None = None, adapter: Path | None = None
) -> tuple[Any, Any]:
    """(tokenizer, model in evaluation mode).

    name: a folder, a GGUF file, whose weights are unpacked, a name of the store, an id on the Hugging Face hub, or the
    folder of an adapter, which says what it belongs to. dtype: None takes the checkpoint's own, but float32 for a
    float16 one on a CPU. adapter: folder of one that is merged. Raises ModelError.
    """
    place = locate(name)
    if isinstance(place, Path) and is_adapter(place):
        if adapter is not None:
            raise ModelError(f"{place} is an adapter, and so is {adapter}: name the model that the latter belongs to")
        base = read_config(place).base
        if not base:
            raise ModelError(f"{place}: the adapter does not say what model it belongs to (base_model_name_or_path)")
        return load_causal(base, device, dtype, place)
    check_transformers()
    if not isinstance(place, Path):
        place = place_of(name, "transformers model", "Qwen/Qwen3-0.6B", files=True)
    source, gguf = str(place), {}
    if isinstance(place, Path) and place.is_file():
        source, gguf = str(place.parent), {"gguf_file": place.name}
    with loading(name, place, "causal language model"):
        import torch
        from transformers import AutoModelForCausalLM, AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(source, **gguf)
        network = AutoModelForCausalLM.from_pretrained(source, **gguf)
    if dtype is None and network.dtype == torch.float16 and torch.device(device).type == "cpu":
        dtype = torch.float32  # half precision is emulated on CPUs
    if adapter is not None:
        merge(network, adapter)
    return tokenizer, on_device(network, name, device, dtype)
