"""The weights that Audio Interaction (arXiv 2606.05121) is released as: a decoder in shards of safetensors with the
names of LitGPT, the audio encoder of Qwen2.5-Omni in one file of torch, and that model's configuration beside them.

    config.json  model.safetensors.index.json  model-0000N-of-0000M.safetensors  tokenizer.json  …
    *_ChunkwisedEncoder.pth  qwen25OmniConfig/config.json

The file of torch is read as tensors only: nothing in it is executed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from duplex.models.transformers_library import loading
from duplex.streaming.errors import ModelError, first_line

if TYPE_CHECKING:
    from duplex.models.interaction.speech_lm.network import SpeechNetwork

CONFIG = "qwen25OmniConfig"
_ENCODER = "*ChunkwisedEncoder.pth"
_INDEX = "model.safetensors.index.json"

_NAMES = {
    "transformer.wte.weight": "embed_tokens.weight",
    "transformer.ln_f.weight": "norm.weight",
}
_IN_LAYER = {
    "norm_1.weight": "input_layernorm.weight",
    "norm_2.weight": "post_attention_layernorm.weight",
    "attn.proj.weight": "self_attn.o_proj.weight",
    "mlp.fc_1.weight": "mlp.gate_proj.weight",
    "mlp.fc_2.weight": "mlp.up_proj.weight",
    "mlp.proj.weight": "mlp.down_proj.weight",
}
_LAYER = re.compile(r"transformer\.h\.(\d+)\.(.+)")
_QKV = re.compile(r"attn\.(?:qkv|attn)\.(weight|bias)")


def folder_of(place: Path | str) -> Path | None:
    """The folder of a release: `place` itself, or what the hub's cache has of the id; None if it is something else.

    Pulls the files of an id that is one. Raises ModelError if they cannot be had.
    """
    if isinstance(place, Path):
        return place if (place / CONFIG).is_dir() else None
    from transformers.utils.hub import cached_file

    try:
        found = cached_file(
            place,
            f"{CONFIG}/config.json",
            _raise_exceptions_for_gated_repo=False,
            _raise_exceptions_for_missing_entries=False,
            _raise_exceptions_for_connection_errors=False,
        )
    except (OSError, ValueError):
        return None
    if found is None:
        return None
    from huggingface_hub import snapshot_download

    with loading(place, place, "speech language model"):
        return Path(snapshot_download(place))


def load(name: str, folder: Path, *, device: str, dtype: Any) -> SpeechNetwork:
    """Raises ModelError for missing files, and for weights that are not those of the configuration."""
    encoder = next(iter(sorted(folder.glob(_ENCODER))), None)
    needed = {_INDEX: folder / _INDEX, f"{CONFIG}/config.json": folder / CONFIG / "config.json"}
    missing = [file for file, path in needed.items() if not path.is_file()]
    if missing or encoder is None:
        raise ModelError(f"{name}: the folder lacks {', '.join([*missing, *([] if encoder else [_ENCODER])])}")
    with loading(name, folder, "speech language model"):
        return _load(name, folder, encoder, device, dtype)


def _load(name: str, folder: Path, encoder: Path, device: str, dtype: Any) -> SpeechNetwork:
    import torch
    from transformers import AutoTokenizer, GenerationConfig, Qwen2_5OmniConfig
    from transformers.models.qwen2_5_omni import modeling_qwen2_5_omni as omni

    from duplex.models.interaction.speech_lm.network import Decoder, assembled, thinker_encoder, torch_dtype

    config: Any = Qwen2_5OmniConfig.from_pretrained(folder / CONFIG).thinker_config
    text = config.text_config
    weights = _decoder_weights(name, folder, text)
    text.vocab_size = len(weights["embed_tokens.weight"])
    head = weights.pop("lm_head.weight", weights["embed_tokens.weight"])
    body = _filled(name, omni.Qwen2_5OmniThinkerTextModel, text, weights)
    linear = torch.nn.Linear(head.shape[1], head.shape[0], bias=False, device="meta")
    linear.weight = torch.nn.Parameter(head, requires_grad=False)
    try:
        heard = torch.load(encoder, map_location="cpu", weights_only=True, mmap=True)
    except Exception as error:
        raise ModelError(f"{name}: {encoder.name} cannot be read: {first_line(error)}") from error
    tower = _filled(name, omni.Qwen2_5OmniAudioEncoder, config.audio_config, heard)
    kept = dtype or torch_dtype(device) or head.dtype
    body, linear, tower = (part.to(device=device, dtype=kept).eval() for part in (body, linear, tower))
    tokenizer = AutoTokenizer.from_pretrained(str(folder))
    generation: Any = GenerationConfig()  # type: ignore[no-untyped-call]
    return assembled(name, Decoder(body, linear), tower, thinker_encoder(tower), tokenizer, generation, released=True)


def _filled(name: str, kind: Any, config: Any, weights: Mapping[str, Any]) -> Any:
    """A module with these weights and no others, which are never made at random first."""
    import torch

    with torch.device("meta"):
        made = kind(config)
    given = made.load_state_dict(weights, strict=False, assign=True)
    for reason, keys in (
        ("lack", given.missing_keys),
        ("have, and the configuration does not,", given.unexpected_keys),
    ):
        if keys:
            raise ModelError(f"{name}: the weights {reason} {keys[0]} and {len(keys) - 1} others")
    # Buffers that are computed and not saved have to be computed here.
    for module in made.modules():
        for child, inner in list(module.named_children()):
            if any(buffer.is_meta for buffer in inner.buffers(recurse=False)):
                shape = (inner.length, inner.channels, inner.max_timescale) if hasattr(inner, "length") else (config,)
                setattr(module, child, type(inner)(*shape))
    return made


def _decoder_weights(name: str, folder: Path, text: Any) -> dict[str, Any]:
    from safetensors.torch import load_file

    index = json.loads((folder / _INDEX).read_text(encoding="utf8"))
    shards = sorted(set(index["weight_map"].values()))
    if missing := [shard for shard in shards if not (folder / shard).is_file()]:
        raise ModelError(f"{name}: the folder lacks {', '.join(missing)}")
    weights: dict[str, Any] = {}
    for shard in shards:
        for key, tensor in load_file(folder / shard).items():
            weights.update(_renamed(key, tensor, text))
    if "embed_tokens.weight" not in weights:
        raise ModelError(f"{name}: the weights are not those of a decoder as LitGPT names them")
    return weights


def _renamed(key: str, tensor: Any, text: Any) -> Iterator[tuple[str, Any]]:
    """What a tensor of the release is in the decoder of `transformers`."""
    layer = _LAYER.fullmatch(key)
    if layer is None:
        yield _NAMES.get(key, key), tensor
        return
    place, inner = f"layers.{layer[1]}", layer[2]
    together = _QKV.fullmatch(inner)
    if together is None:
        yield f"{place}.{_IN_LAYER.get(inner, inner)}", tensor
        return
    width = getattr(text, "head_dim", None) or text.hidden_size // text.num_attention_heads
    groups = text.num_key_value_heads
    queries = text.num_attention_heads * width
    if inner.startswith("attn.attn"):  # older: the heads of each group lie together
        each = tensor.unflatten(0, (groups, -1, width))
        parts = [each[:, :-2].flatten(0, 2), each[:, -2].flatten(0, 1), each[:, -1].flatten(0, 1)]
    else:
        parts = list(tensor.split([queries, groups * width, groups * width]))
    for letter, part in zip("qkv", parts, strict=True):
        yield f"{place}.self_attn.{letter}_proj.{together[1]}", part
