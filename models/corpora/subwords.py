"""Training of subword vocabularies: SentencePiece, digits one by one, bytes for characters that it lacks."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal


def train_subwords(
    texts: Iterable[str],
    path: str | Path,
    size: int,
    *,
    marks: tuple[int, int, int, int],
    symbols: Sequence[str],
    model: Literal["bpe", "unigram"],
    coverage: float,
) -> None:
    """Trains a vocabulary of `size` ids on texts, taken as they are, and writes it to `path`.

    marks: ids of padding, of what is unknown, of begin and end. symbols: control symbols behind them, which never come
    from text. coverage: share of all characters that have ids of their own.
    """
    from sentencepiece import SentencePieceTrainer

    padding, unknown, begin, end = marks
    written = io.BytesIO()
    SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_writer=written,
        vocab_size=size,
        model_type=model,
        byte_fallback=True,
        split_digits=True,
        character_coverage=coverage,
        normalization_rule_name="identity",
        pad_id=padding,
        unk_id=unknown,
        bos_id=begin,
        eos_id=end,
        control_symbols=list(symbols),
        num_threads=1,
        minloglevel=2,
    )
    Path(path).write_bytes(written.getvalue())
