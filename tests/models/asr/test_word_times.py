"""Pieces of text to words with times."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from duplex.models.asr.contract import Word
from duplex.models.asr.word_times import Piece, words_by_length, words_of_pieces


def test_a_space_begins_a_word_and_punctuation_does_not() -> None:
    pieces = [
        Piece(" Good", 0, 1000, 0.5),
        Piece("bye", 1000, 2000, 1.0),
        Piece(",", 2000, 2200, 0.9),
        Piece(" you all", 2200, 4000, 0.8),
    ]
    words = words_of_pieces(pieces, 8000)
    assert [word.text for word in words] == ["Goodbye,", "you", "all"]
    assert [(word.start, word.end) for word in words] == [(0, 2200), (2200, 4000), (4000, 4320)]
    assert words[0].confidence == (0.5 + 1.0 + 0.9) / 3


def test_writing_without_spaces_is_cut_at_every_letter() -> None:
    pieces = [Piece("你", 0, 1000), Piece("好", 1000, 2000), Piece("。", 2000, 2500)]
    assert [word.text for word in words_of_pieces(pieces, 8000, spaceless=True)] == ["你", "好。"]
    assert [word.text for word in words_of_pieces(pieces, 8000)] == ["你好。"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", " b", "c d", " ", "", ",", " e "]), st.integers(-500, 9000), st.integers(0, 9000)
        ),
        max_size=12,
    ),
    st.integers(4000, 9000),
)
def test_words_follow_each_other_whatever_the_model_says_of_times(
    pieces: list[tuple[str, int, int]], length: int
) -> None:
    words = words_of_pieces([Piece(text, start, end) for text, start, end in pieces], length)
    assert "".join(word.text for word in words) == "".join(text for text, _, _ in pieces).replace(" ", "")
    assert all(0 <= word.start < word.end <= length for word in words)
    assert all(a.end <= b.start for a, b in pairwise(words))


def test_interpolated_times_cover_what_is_audible_in_proportion_to_length() -> None:
    samples = np.zeros(16_000, np.float32)
    samples[3200:9600] = 0.3
    words = words_by_length([Word("a", 0, 0), Word("tremendous", 0, 0, 0.5), Word("see", 0, 0)], samples)
    assert [(word.start, word.end) for word in words] == [(3200, 3953), (3953, 8094), (8094, 9600)]
    assert words[1].confidence == 0.5
    assert words_by_length([], samples) == []
    assert words_by_length([Word("a", 0, 0)], np.zeros(10, np.float32)) == [Word("a", 0, 320)]
