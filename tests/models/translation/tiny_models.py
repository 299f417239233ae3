"""Untrained translation models of a few thousand weights, saved as transformers saves them."""

from __future__ import annotations

import json
from pathlib import Path

from sentencepiece import SentencePieceProcessor, SentencePieceTrainer

TEXT = ["the cat sat on the mat", "we go home because it is late", "Tom ist müde und geht nach Hause", "eins zwei drei"]


def _pieces(path: Path) -> list[str]:
    prefix = str(path.with_suffix(""))
    SentencePieceTrainer.train(
        sentence_iterator=iter(TEXT * 20), model_prefix=prefix, vocab_size=60, hard_vocab_limit=False, minloglevel=2
    )
    path.with_suffix(".model").rename(path)
    path.with_suffix(".vocab").unlink()
    model = SentencePieceProcessor(model_file=str(path))
    return [model.id_to_piece(number) for number in range(model.get_piece_size())]


def save_marian(folder: Path) -> Path:
    import torch
    from transformers import MarianConfig, MarianMTModel, MarianTokenizer

    raw = folder / "raw"
    raw.mkdir(parents=True)
    pieces = _pieces(raw / "source.spm")
    (raw / "target.spm").write_bytes((raw / "source.spm").read_bytes())
    names = ["</s>", "<unk>", *[piece for piece in pieces if piece not in ("<s>", "</s>", "<unk>")], "<pad>"]
    (raw / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    tokenizer = MarianTokenizer(str(raw / "source.spm"), str(raw / "target.spm"), str(raw / "vocab.json"))
    torch.manual_seed(1)
    pad = len(names) - 1
    config = MarianConfig(
        vocab_size=len(names),
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=128,
        pad_token_id=pad,
        eos_token_id=0,
        decoder_start_token_id=pad,
        forced_eos_token_id=0,
    )
    tokenizer.save_pretrained(folder / "tiny-en-fr")
    MarianMTModel(config).save_pretrained(folder / "tiny-en-fr")
    return folder / "tiny-en-fr"


def save_m2m100(folder: Path) -> Path:
    import torch
    from transformers import M2M100Config, M2M100ForConditionalGeneration, M2M100Tokenizer

    raw = folder / "raw"
    raw.mkdir(parents=True)
    pieces = _pieces(raw / "spm.model")
    names = ["<s>", "<pad>", "</s>", "<unk>", *[piece for piece in pieces if piece not in ("<s>", "</s>", "<unk>")]]
    (raw / "vocab.json").write_text(json.dumps({name: number for number, name in enumerate(names)}))
    tokenizer = M2M100Tokenizer(str(raw / "vocab.json"), str(raw / "spm.model"))
    torch.manual_seed(1)
    config = M2M100Config(
        vocab_size=len(tokenizer) + len(tokenizer.lang_code_to_token) + 8,
        d_model=16,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=16,
        decoder_ffn_dim=16,
        max_position_embeddings=128,
    )
    tokenizer.save_pretrained(folder / "many")
    M2M100ForConditionalGeneration(config).save_pretrained(folder / "many")
    return folder / "many"
