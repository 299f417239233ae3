"""Files that are no vocabulary of Duplex-nano are told in one line."""

from __future__ import annotations

import io

import pytest

from duplex.models.interaction.nano.vocabulary import SYMBOLS, Vocabulary
from duplex.streaming.errors import ModelError


def test_text_comes_back(vocabulary) -> None:
    for text in ("what is the weather in Oslo", 'set_timer {"seconds":90}', "naïve “quotes” 10%"):
        assert vocabulary.decode(vocabulary.encode(text)) == text


def test_a_missing_file(tmp_path) -> None:
    with pytest.raises(ModelError, match="not a vocabulary"):
        Vocabulary(tmp_path / "none.model")


def test_a_file_that_is_none(tmp_path) -> None:
    path = tmp_path / "vocabulary.model"
    path.write_bytes(b"no vocabulary")
    with pytest.raises(ModelError, match="not a vocabulary"):
        Vocabulary(path)


def test_a_vocabulary_without_control_tokens(tmp_path) -> None:
    from sentencepiece import SentencePieceTrainer

    model = io.BytesIO()
    sentences = iter([f"word number {n} of many words" for n in range(50)])
    SentencePieceTrainer.train(sentence_iterator=sentences, model_writer=model, vocab_size=30, minloglevel=2)
    path = tmp_path / "vocabulary.model"
    path.write_bytes(model.getvalue())
    with pytest.raises(ModelError, match="lacks control tokens"):
        Vocabulary(path)


def test_every_control_token_is_one_id(vocabulary) -> None:
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    for symbol in SYMBOLS:
        assert len(vocabulary.encode(symbol)) > 1, "text must not make it"
