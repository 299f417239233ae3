"""Text to subwords and back."""

from __future__ import annotations

import pytest

from duplex.models.translation.vocabulary import END, PARTIAL, TAGS, Vocabulary, normalized
from duplex.streaming.errors import ModelError


@pytest.mark.parametrize(
    "text",
    [
        "Tom sees the house.",
        "Mein Bruder hat 25 Äpfel in der Küche.",
        "Käsebier zahlt 1234,50 € an Łukasz.",
        "你好, Мария! 🎧",
        "x" * 300,
        "<2de> <part> </s>",
    ],
)
def test_round_trip(vocabulary_file, text):
    vocabulary = Vocabulary(vocabulary_file)
    assert vocabulary.decode(vocabulary.encode(text)) == normalized(text)


def test_written_tags_are_only_text(vocabulary_file):
    assert not set(Vocabulary(vocabulary_file).encode("<2de> <2en> <part>")) & {*TAGS.values(), PARTIAL}


def test_empty_text_has_no_subwords(vocabulary_file):
    assert Vocabulary(vocabulary_file).encode(" \n\t ") == []


def test_digits_stand_alone(vocabulary_file):
    vocabulary = Vocabulary(vocabulary_file)
    pieces = [vocabulary.decode([number]) for number in vocabulary.encode("25 252")]
    assert [piece for piece in pieces if piece] == ["2", "5", "2", "5", "2"]


def test_source_begins_with_the_language_that_is_wanted(vocabulary_file):
    vocabulary = Vocabulary(vocabulary_file)
    words = vocabulary.encode("Tom")
    assert vocabulary.source("Tom", "de") == [TAGS["de"], *words, END]
    assert vocabulary.source("Tom", "en", partial=True) == [TAGS["en"], PARTIAL, *words, END]


def test_normalized():
    assert normalized("„Ja“,  sagte\u00a0er\x00…\n") == '"Ja", sagte er ...'.replace(" ...", " ...")
    assert normalized("It’s") == "It's"


def test_a_wrong_file(tmp_path):
    (tmp_path / "vocabulary.model").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a vocabulary"):
        Vocabulary(tmp_path / "vocabulary.model")
    with pytest.raises(ModelError, match="absent"):
        Vocabulary(tmp_path / "absent.model")
