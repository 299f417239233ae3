"""Random-weight models of the very classes that real recognizers are, small enough to be made by a test."""

from __future__ import annotations

import json
from pathlib import Path

SPECIAL = [
    "<|endoftext|>",
    "<|startoftranscript|>",
    "<|en|>",
    "<|de|>",
    "<|translate|>",
    "<|transcribe|>",
    "<|startoflm|>",
    "<|startofprev|>",
    "<|nospeech|>",
    "<|notimestamps|>",
]


def save_whisper(folder: Path, *, multilingual: bool = True, alignment_heads: bool = True) -> Path:
    """A WhisperForConditionalGeneration with a byte-level tokeniser; returns `folder`."""
    import torch
    from tokenizers import pre_tokenizers
    from transformers import (
        GenerationConfig,
        WhisperConfig,
        WhisperFeatureExtractor,
        WhisperForConditionalGeneration,
        WhisperTokenizer,
    )

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = WhisperTokenizer(vocab={letter: index for index, letter in enumerate(letters)}, merges=[])
    tokenizer.add_tokens(SPECIAL[1:], special_tokens=True)
    tokenizer.add_tokens([f"<|{step * 0.02:.2f}|>" for step in range(1501)])
    ids = {token: tokenizer.convert_tokens_to_ids(token) for token in SPECIAL}
    ends = dict.fromkeys(["eos_token_id", "pad_token_id", "bos_token_id"], ids["<|endoftext|>"])
    torch.manual_seed(3)
    network = WhisperForConditionalGeneration(
        WhisperConfig(
            vocab_size=len(tokenizer),
            d_model=16,
            encoder_layers=1,
            decoder_layers=2,
            encoder_attention_heads=2,
            decoder_attention_heads=2,
            encoder_ffn_dim=16,
            decoder_ffn_dim=16,
            max_target_positions=64,
            decoder_start_token_id=ids["<|startoftranscript|>"],
            **ends,
        )
    )
    generation = GenerationConfig(
        decoder_start_token_id=ids["<|startoftranscript|>"],
        no_timestamps_token_id=ids["<|notimestamps|>"],
        is_multilingual=multilingual,
        suppress_tokens=[*range(ids["<|startoftranscript|>"], len(tokenizer))],
        **ends,
    )
    if multilingual:
        generation.lang_to_id = {code: ids[code] for code in ("<|en|>", "<|de|>")}
        generation.task_to_id = {task: ids[f"<|{task}|>"] for task in ("transcribe", "translate")}
    if alignment_heads:
        generation.alignment_heads = [[0, 0], [1, 1]]
    network.generation_config = generation
    network.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    return folder


def save_wav2vec2(folder: Path, *, letters: str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ'") -> Path:
    """A Wav2Vec2ForCTC with a tokeniser of letters; returns `folder`."""
    import torch
    from transformers import Wav2Vec2Config, Wav2Vec2CTCTokenizer, Wav2Vec2FeatureExtractor, Wav2Vec2ForCTC

    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {token: index for index, token in enumerate(["<pad>", "<s>", "</s>", "<unk>", "|", *letters])}
    written = folder / "vocab.json"
    written.write_text(json.dumps(vocabulary), "utf-8")
    torch.manual_seed(0)
    network = Wav2Vec2ForCTC(
        Wav2Vec2Config(
            vocab_size=len(vocabulary),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            conv_dim=(8,) * 7,
            num_conv_pos_embeddings=16,
            num_conv_pos_embedding_groups=2,
            pad_token_id=0,
            bos_token_id=1,
            eos_token_id=2,
        )
    )
    network.save_pretrained(folder)
    Wav2Vec2CTCTokenizer(str(written)).save_pretrained(folder)
    Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder
