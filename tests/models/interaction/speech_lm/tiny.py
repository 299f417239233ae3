"""Tiny speech models of random weights, of the very classes that real weights are loaded into."""

from __future__ import annotations

import functools
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from duplex.models.interaction.speech_lm.layout import Layout
from duplex.models.interaction.speech_lm.network import SpeechNetwork, network_of

VOCABULARY = 151_700
"""The control tokens of Audio Interaction lie that high."""
CHAT = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|AUDIO|>", "<|audio_bos|>", "<|audio_eos|>")
TEXT = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 4096,
}


@functools.cache
def tokenizer() -> Any:
    """Bytes, and the tokens of Qwen's chat template behind them."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bpe.train_from_iterator([], trainers.BpeTrainer(special_tokens=[], initial_alphabet=alphabet))
    made = PreTrainedTokenizerFast(tokenizer_object=bpe, eos_token="<|im_end|>", pad_token="<|endoftext|>")
    made.add_special_tokens({"additional_special_tokens": list(CHAT)})
    return made


@functools.cache
def config(kind: str) -> Any:
    """The configuration of a "thinker" or of a "qwen2_audio"."""
    import transformers

    text = {**TEXT, "pad_token_id": 0, "eos_token_id": 1}
    audio = {
        "num_mel_bins": 16,
        "encoder_layers": 2,
        "encoder_attention_heads": 2,
        "encoder_ffn_dim": 32,
        "d_model": 16,
    }
    if kind == "qwen2_audio":
        return transformers.Qwen2AudioConfig(
            audio_config={**audio, "model_type": "qwen2_audio_encoder", "max_source_positions": 200},
            text_config={**text, "model_type": "qwen2"},
            audio_token_index=151_646,
        )
    rotary = {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]}
    vision = {"depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2, "out_hidden_size": 32}
    return transformers.Qwen2_5OmniThinkerConfig(
        audio_config={**audio, "output_dim": 32},
        text_config={**text, "rope_parameters": rotary, "tie_word_embeddings": False},
        vision_config={**vision, "fullatt_block_indexes": [0]},
        vision_start_token_id=151_652,
        audio_token_index=151_646,
    )


@functools.cache
def model(kind: str) -> Any:
    """In evaluation mode."""
    import torch
    import transformers

    torch.manual_seed(0)
    torch.set_num_threads(1)
    names = {
        "thinker": "Qwen2_5OmniThinkerForConditionalGeneration",
        "qwen2_audio": "Qwen2AudioForConditionalGeneration",
    }
    made = getattr(transformers, names[kind])(config(kind)).eval()
    with torch.no_grad():  # larger than at the start of training: attention has to matter for a fault in it to show
        for name, weight in made.named_parameters():
            if "norm" not in name and "visual" not in name:
                weight.mul_(4.0)
    return made


def network(kind: str = "thinker", *, released: bool = True) -> SpeechNetwork:
    return network_of(model(kind), tokenizer(), f"tiny {kind}", released=released)


def save(kind: str, folder: Path) -> Path:
    model(kind).save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


def sound(seconds: float, seed: int = 0) -> np.ndarray:
    """Noise, (n,) at 16 kHz."""
    return (np.random.default_rng(seed).standard_normal(round(seconds * 16_000)) * 0.1).astype(np.float32)


def spelling(layout: Layout) -> Layout:
    """The layout, with nothing left to say but letters: weights of chance would say tokens that have no text."""
    letters = tokenizer().convert_tokens_to_ids(list("abcdefghijklmnopqrstuvwxyz"))
    return replace(layout, masked=frozenset(range(VOCABULARY)) - frozenset(letters) - layout.ends)
