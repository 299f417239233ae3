"""The networks of speech language models, in one shape: an audio encoder that turns log-mel frames into embeddings, and
a decoder that takes embeddings of audio and of text alike.

Classes of `transformers`, told apart by their configuration: the thinker of Qwen2.5-Omni (also within a whole
checkpoint of it) and Qwen2-Audio. A block of audio is encoded by itself: no attention between blocks, positions
restart. For the thinker that is its own way with blocks of two seconds; Audio Interaction is trained for blocks of
0.4 s.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.transformers_library import check_transformers, loading, on_device, place_of
from duplex.streaming.errors import ModelError
from duplex.streaming.lm.causal_lm import CausalLM
from duplex.streaming.lm.rotary import cache_argument

THINKERS = ("qwen2_5_omni", "qwen2_5_omni_thinker")
KINDS = (*THINKERS, "qwen2_audio")
"""`model_type` of configurations of models that hear."""

FRAMES_PER_EMBEDDING = 4
"""Log-mel frames of 10 ms that the encoders of both classes turn into one embedding."""

Encode = Callable[[Any, Sequence[int]], Any]
"""(frames, mels) of several blocks one after another, and how many each has, to (frames / 4, width)."""


@dataclass(frozen=True, slots=True)
class SpeechNetwork:
    """name: for messages. lm: the decoder with its cache. mels: of a frame. longest: positions it was trained for.

    released: the weights are those of Audio Interaction, which decide by control tokens.
    """

    name: str
    lm: CausalLM
    tokenizer: Any
    mels: int
    vocabulary: int
    longest: int
    released: bool
    generation: Any
    _embed: Any
    _encode: Encode

    def embed(self, ids: Sequence[int]) -> Any:
        """Token ids to (n, width)."""
        import torch

        with torch.inference_mode():
            return self._embed(torch.as_tensor(list(ids), device=self.lm.model.device, dtype=torch.long))

    def encode(self, blocks: Sequence[np.ndarray]) -> list[Any]:
        """Blocks of log-mel frames, (n, mels) with n a multiple of 4, to embeddings (n / 4, width) each."""
        import torch

        if not blocks:
            return []
        sizes = [len(block) for block in blocks]
        with torch.inference_mode():
            frames = torch.as_tensor(np.concatenate(blocks), device=self.lm.model.device)
            heard = self._encode(frames, sizes).to(self.lm.model.dtype)
        return list(heard.split([size // FRAMES_PER_EMBEDDING for size in sizes]))


class Decoder:
    """The text half of a speech model as CausalLM takes it: the logits of the last positions only.

    Positions are one number for each entry. Rotary embeddings in three parts (M-RoPE: time, height, width) have the
    same number in all three for text and for audio, which is what the library makes of it.
    """

    def __init__(self, body: Any, head: Any) -> None:
        self.body = body
        self.head = head
        self.config = body.config
        self._cache = cache_argument(body)

    @property
    def device(self) -> Any:
        return self.head.weight.device

    @property
    def dtype(self) -> Any:
        return self.head.weight.dtype

    def named_buffers(self) -> Any:
        return self.body.named_buffers()

    def forward(
        self,
        *,
        cache: Any,
        position_ids: Any,
        input_ids: Any = None,
        inputs_embeds: Any = None,
        use_cache: bool = True,
        logits_to_keep: int = 1,
    ) -> Any:
        from transformers.modeling_outputs import CausalLMOutputWithPast

        given = {self._cache: cache, "position_ids": position_ids, "use_cache": use_cache}
        given |= {"inputs_embeds": inputs_embeds} if input_ids is None else {"input_ids": input_ids}
        hidden = self.body(**given).last_hidden_state
        return CausalLMOutputWithPast(logits=self.head(hidden[:, -logits_to_keep:] if logits_to_keep else hidden))

    __call__ = forward


def network_of(model: Any, tokenizer: Any, name: str, *, released: bool = False) -> SpeechNetwork:
    """A loaded model of one of the classes as a SpeechNetwork. Raises ModelError for another class."""
    kind = model.config.model_type
    inner = getattr(model, "model", model)
    inner = inner if hasattr(inner, "audio_tower") else model  # older versions have no inner model
    if kind in THINKERS:
        encode = thinker_encoder(inner.audio_tower)
    elif kind == "qwen2_audio":
        encode = _qwen2_audio_encoder(inner.audio_tower, inner.multi_modal_projector)
    else:
        raise ModelError(f"{name}: models of the class {kind} do not take audio here; known are {', '.join(KINDS)}")
    decoder = Decoder(model.get_decoder(), model.get_output_embeddings())
    return assembled(name, decoder, inner.audio_tower, encode, tokenizer, model.generation_config, released=released)


def assembled(
    name: str, decoder: Decoder, tower: Any, encode: Encode, tokenizer: Any, generation: Any, *, released: bool
) -> SpeechNetwork:
    """A SpeechNetwork of its parts. Raises ModelError where they do not go together."""
    text = decoder.config.get_text_config()
    vocabulary = int(decoder.head.weight.shape[0])
    if len(tokenizer) > vocabulary:
        raise ModelError(
            f"{name}: its tokenizer has {len(tokenizer)} tokens and the model knows {vocabulary}: "
            "the files are of two different models"
        )
    try:
        lm = CausalLM(decoder)
    except RuntimeError as error:
        raise ModelError(f"{name}: its decoder cannot be run: {error}") from error
    longest = getattr(text, "max_position_embeddings", None) or 4096
    embed, mels = decoder.body.get_input_embeddings(), int(tower.config.num_mel_bins)
    return SpeechNetwork(name, lm, tokenizer, mels, vocabulary, longest, released, generation, embed, encode)


def load_network(name: str, *, device: str = "cpu", dtype: Any = None) -> SpeechNetwork:
    """name: a folder, or an id on the Hugging Face hub. dtype: None takes the checkpoint's own, float32 on a CPU.

    Seconds to minutes. Raises ModelError.
    """
    from duplex.models.interaction.speech_lm import released

    place = place_of(name, "speech model", "Qwen/Qwen2.5-Omni-3B")
    check_transformers()
    if folder := released.folder_of(place):
        return released.load(name, folder, device=device, dtype=dtype)
    with loading(name, place, "speech language model"):
        from transformers import (
            AutoConfig,
            AutoTokenizer,
            Qwen2_5OmniThinkerForConditionalGeneration,
            Qwen2AudioForConditionalGeneration,
        )

        kind = AutoConfig.from_pretrained(str(place)).model_type
        classes = {"qwen2_audio": Qwen2AudioForConditionalGeneration}
        model_class: Any = classes.get(kind, Qwen2_5OmniThinkerForConditionalGeneration)
        tokenizer = AutoTokenizer.from_pretrained(str(place))
        model, report = model_class.from_pretrained(str(place), dtype="auto", output_loading_info=True)
    if missing := sorted(report["missing_keys"]):
        raise ModelError(f"{name}: {len(missing)} weights are missing in the folder, the first is {missing[0]}")
    return network_of(on_device(model, name, device, dtype or torch_dtype(device)), tokenizer, name)


def torch_dtype(device: str) -> Any:
    """float32 on a CPU, where half precision is emulated; elsewhere what the weights have."""
    import torch

    return torch.float32 if torch.device(device).type == "cpu" else None


def thinker_encoder(tower: Any) -> Encode:
    def encode(frames: Any, sizes: Sequence[int]) -> Any:
        import torch

        lengths = torch.as_tensor(list(sizes), device=frames.device)
        return tower(frames.T, feature_lens=lengths, aftercnn_lens=(lengths - 1) // 2 + 1).last_hidden_state

    return encode


def _qwen2_audio_encoder(tower: Any, projector: Any) -> Encode:
    """The library's own forward pass of the tower takes 30 s at a time, however little of them is heard."""

    def encode(frames: Any, sizes: Sequence[int]) -> Any:
        import torch

        return torch.cat([projector(_of_block(tower, block)) for block in frames.split(list(sizes))])

    return encode


def _of_block(tower: Any, frames: Any) -> Any:
    """(n, mels) to (n / 4, d_model)."""
    from torch.nn.functional import gelu

    hidden = gelu(tower.conv2(gelu(tower.conv1(frames.T[None].to(tower.conv1.weight.dtype)))))
    hidden = hidden.transpose(1, 2) + tower.embed_positions.weight[: hidden.shape[-1]]
    for layer in tower.layers:
        hidden = layer(hidden, None)
        hidden = hidden[0] if isinstance(hidden, tuple) else hidden
    return tower.layer_norm(tower.avg_pooler(hidden.transpose(1, 2)).transpose(1, 2))[0]


def model_type(place: Path | str) -> str:
    """`model_type` of the configuration of a folder or an id; empty if there is none that can be read."""
    try:
        from transformers import AutoConfig

        return str(AutoConfig.from_pretrained(str(place)).model_type)
    except (ImportError, OSError, ValueError, KeyError):
        return ""
